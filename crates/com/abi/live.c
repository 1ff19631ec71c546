#define COBJMACROS
#include "live.h"

void live_wait(IBackgroundCopyJob *job, BG_JOB_STATE wanted) {
    BG_JOB_STATE state = BG_JOB_STATE_QUEUED;
    for (int i = 0; i < 1200; i++) {
        if (IBackgroundCopyJob_GetState(job, &state) != S_OK)
            break;
        if (state == wanted)
            return;
        Sleep(50);
    }
    printf("# state %d, awaited %d\n", (int)state, (int)wanted);
    CHECK(!"the awaited state came within 60 s");
}

static IBackgroundCopyManager *manager_of(REFCLSID class_id) {
    IBackgroundCopyManager *manager = NULL;
    OK(CoCreateInstance(class_id, NULL, CLSCTX_LOCAL_SERVER, &IID_IBackgroundCopyManager, (void **)&manager));
    return manager;
}

static IBackgroundCopyJob *job_of(IBackgroundCopyManager *manager) {
    IBackgroundCopyJob *job = NULL;
    GUID id;
    OK(IBackgroundCopyManager_CreateJob(manager, TEXT("live"), BG_JOB_TYPE_DOWNLOAD, &id, &job));
    OK(IBackgroundCopyJob_SetPriority(job, BG_JOB_PRIORITY_FOREGROUND));
    return job;
}

static IBackgroundCopyFile *file_of(IBackgroundCopyJob *job, IEnumBackgroundCopyFiles **files) {
    IBackgroundCopyFile *file = NULL;
    ULONG count = 0;
    OK(IBackgroundCopyJob_EnumFiles(job, files));
    OK(IEnumBackgroundCopyFiles_Next(*files, 1, &file, &count));
    CHECK(count == 1);
    return file;
}

static void put(struct live *live, enum live_kind kind, const char *name, void *object) {
    live->name[kind] = name;
    live->object[kind] = object;
}

void live_open(struct live *live, const char *url, const char *folder) {
    WCHAR from[1024], to[1024];

    IBackgroundCopyManager *manager = manager_of(&CLSID_BackgroundCopyManager);
    put(live, LIVE_MANAGER, "manager", manager);
    IBackgroundCopyJob *job = job_of(manager);
    put(live, LIVE_JOB, "job", job);
    OK(IBackgroundCopyJob_AddFile(job, beneath(from, 1024, url, "missing"), beneath(to, 1024, folder, "missing")));
    OK(IBackgroundCopyJob_Resume(job));
    live_wait(job, BG_JOB_STATE_ERROR);
    IBackgroundCopyError *error = NULL;
    OK(IBackgroundCopyJob_GetError(job, &error));
    put(live, LIVE_ERROR, "error", error);
    IEnumBackgroundCopyFiles *files = NULL;
    put(live, LIVE_FILE, "file", file_of(job, &files));
    put(live, LIVE_ENUM_FILES, "enumerator of files", files);
    IEnumBackgroundCopyJobs *jobs = NULL;
    OK(IBackgroundCopyManager_EnumJobs(manager, 0, &jobs));
    put(live, LIVE_ENUM_JOBS, "enumerator of jobs", jobs);

    manager = manager_of(&CLSID_DeliveryOptimization);
    put(live, LIVE_DO_MANAGER, "manager of Delivery Optimization", manager);
    job = job_of(manager);
    put(live, LIVE_DO_JOB, "job of Delivery Optimization", job);
    IDeliveryOptimizationJob *do_job = NULL;
    OK(IBackgroundCopyJob_QueryInterface(job, &IID_IDeliveryOptimizationJob, (void **)&do_job));
    OK(IDeliveryOptimizationJob_AddFileWithRanges(do_job, TEXT("live-id"), beneath(from, 1024, url, "file"),
                                                  beneath(to, 1024, folder, "live"), 0, NULL, 0));
    IDeliveryOptimizationJob_Release(do_job);
    put(live, LIVE_DO_FILE, "file of Delivery Optimization", file_of(job, &files));
    IEnumBackgroundCopyFiles_Release(files);

    IDOManager *downloads = NULL;
    OK(IBackgroundCopyManager_QueryInterface(manager, &IID_IDOManager, (void **)&downloads));
    IDODownload *download = NULL;
    OK(IDOManager_CreateDownload(downloads, &download));
    put(live, LIVE_DOWNLOAD, "download", download);
    IEnumUnknown *all = NULL;
    OK(IDOManager_EnumDownloads(downloads, NULL, &all));
    put(live, LIVE_ENUM_DOWNLOADS, "enumerator of downloads", all);
    IDOManager_Release(downloads);
}

void live_close(struct live *live) {
    OK(IBackgroundCopyJob_Cancel((IBackgroundCopyJob *)live->object[LIVE_JOB]));
    OK(IBackgroundCopyJob_Cancel((IBackgroundCopyJob *)live->object[LIVE_DO_JOB]));
    OK(IDODownload_Abort((IDODownload *)live->object[LIVE_DOWNLOAD]));
    for (int kind = 0; kind < LIVE_KINDS; kind++)
        CHECK(IUnknown_Release(live->object[kind]) == 0);
}
