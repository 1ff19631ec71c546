/* Rows of the job contract as a C program sees them, for both profiles, with their own codes: contract URL FOLDER. */
#define COBJMACROS
#include "tap.h"
#include "words.h"
#include <deliveryoptimization.h>

struct profile {
    const char *name;
    const CLSID *class_id;
    HRESULT not_found, invalid_state, empty, no_error, invalid_range, overlapping;
};

static const struct profile PROFILES[] = {
    {"BITS", &CLSID_BackgroundCopyManager, BG_E_NOT_FOUND, BG_E_INVALID_STATE, BG_E_EMPTY, BG_E_ERROR_INFORMATION_UNAVAILABLE,
     BG_E_INVALID_RANGE, BG_E_OVERLAPPING_RANGES},
    {"Delivery Optimization", &CLSID_DeliveryOptimization, DO_E_JOB_NOT_FOUND, DO_E_INVALID_STATE, DO_E_JOB_EMPTY,
     DO_E_ERROR_INFORMATION_UNAVAILABLE, DO_E_INVALID_RANGE, DO_E_OVERLAPPING_RANGES},
};

static WCHAR from[1024], missing[1024], to[1024], other[1024];

static BG_JOB_STATE state_of(IBackgroundCopyJob *job) {
    BG_JOB_STATE state = BG_JOB_STATE_QUEUED;
    OK(IBackgroundCopyJob_GetState(job, &state));
    return state;
}

static void wait_for(IBackgroundCopyJob *job, BG_JOB_STATE wanted) {
    BG_JOB_STATE state = BG_JOB_STATE_QUEUED;
    for (int i = 0; i < 1200 && IBackgroundCopyJob_GetState(job, &state) == S_OK && state != wanted; i++)
        Sleep(50);
    CHECK(state == wanted);
}

static IBackgroundCopyJob *make(IBackgroundCopyManager *manager, GUID *id) {
    IBackgroundCopyJob *job = NULL;
    OK(IBackgroundCopyManager_CreateJob(manager, TEXT("contract"), BG_JOB_TYPE_DOWNLOAD, id, &job));
    OK(IBackgroundCopyJob_SetPriority(job, BG_JOB_PRIORITY_FOREGROUND));
    return job;
}

static void new_job(IBackgroundCopyManager *manager, const struct profile *p) {
    GUID id, same;
    BG_JOB_TYPE type = BG_JOB_TYPE_UPLOAD;
    BG_JOB_PRIORITY priority;
    BG_JOB_TIMES times;
    BG_JOB_PROGRESS progress;
    IBackgroundCopyJob *job = NULL, *again = NULL;
    IBackgroundCopyError *error = NULL;
    IUnknown *callback = NULL;
    ULONG number = 99;
    LPWSTR owner = NULL;
    OK(IBackgroundCopyManager_CreateJob(manager, TEXT("contract"), BG_JOB_TYPE_DOWNLOAD, &id, &job));
    CHECK(state_of(job) == BG_JOB_STATE_SUSPENDED);
    OK(IBackgroundCopyJob_GetId(job, &same));
    CHECK(IsEqualGUID(&id, &same));
    OK(IBackgroundCopyManager_GetJob(manager, &id, &again));
    OK(IBackgroundCopyJob_GetId(again, &same));
    CHECK(IsEqualGUID(&id, &same));
    IBackgroundCopyJob_Release(again);
    OK(IBackgroundCopyJob_GetType(job, &type));
    CHECK(type == BG_JOB_TYPE_DOWNLOAD);
    OK(IBackgroundCopyJob_GetPriority(job, &priority));
    CHECK(priority == BG_JOB_PRIORITY_NORMAL);
    OK(IBackgroundCopyJob_GetNotifyFlags(job, &number));
    CHECK(number == (BG_NOTIFY_JOB_ERROR | BG_NOTIFY_JOB_TRANSFERRED));
    OK(IBackgroundCopyJob_GetNotifyInterface(job, &callback));
    CHECK(callback == NULL);
    OK(IBackgroundCopyJob_GetMinimumRetryDelay(job, &number));
    CHECK(number == 600);
    OK(IBackgroundCopyJob_SetMinimumRetryDelay(job, 1));
    OK(IBackgroundCopyJob_GetMinimumRetryDelay(job, &number));
    CHECK(number == 5);
    OK(IBackgroundCopyJob_SetNoProgressTimeout(job, 0));
    OK(IBackgroundCopyJob_GetNoProgressTimeout(job, &number));
    CHECK(number == 0);
    OK(IBackgroundCopyJob_GetErrorCount(job, &number));
    CHECK(number == 0);
    OK(IBackgroundCopyJob_GetOwner(job, &owner));
    CHECK(owner && lstrlenW(owner) > 0);
    CoTaskMemFree(owner);
    OK(IBackgroundCopyJob_GetTimes(job, &times));
    /* After 2020 in 100 ns since 1601, and not transferred yet. */
    CHECK(times.CreationTime.dwHighDateTime > 0x01D5C000 && times.TransferCompletionTime.dwHighDateTime == 0);
    OK(IBackgroundCopyJob_GetProgress(job, &progress));
    CHECK(progress.FilesTotal == 0 && progress.FilesTransferred == 0 && progress.BytesTransferred == 0);

    CHECK_HR(IBackgroundCopyJob_GetError(job, &error), p->no_error);
    CHECK(error == NULL);
    CHECK_HR(IBackgroundCopyJob_Resume(job), p->empty);
    CHECK(state_of(job) == BG_JOB_STATE_SUSPENDED);
    OK(IBackgroundCopyJob_SetNotifyFlags(job, BG_NOTIFY_DISABLE));
    OK(IBackgroundCopyJob_SetNotifyFlags(job, BG_NOTIFY_JOB_MODIFICATION | BG_NOTIFY_FILE_TRANSFERRED));
    CHECK_HR(IBackgroundCopyJob_SetNotifyFlags(job, BG_NOTIFY_FILE_RANGES_TRANSFERRED), E_NOTIMPL);
    CHECK_HR(IBackgroundCopyJob_SetNotifyFlags(job, 0x4000), E_NOTIMPL);
    CHECK(FAILED(IBackgroundCopyJob_SetPriority(job, (BG_JOB_PRIORITY)17)));
    OK(IBackgroundCopyJob_Suspend(job));
    OK(IBackgroundCopyJob_Suspend(job));
    OK(IBackgroundCopyJob_Cancel(job));
    CHECK_HR(IBackgroundCopyJob_Cancel(job), p->invalid_state);
    CHECK(state_of(job) == BG_JOB_STATE_CANCELLED);
    CHECK_HR(IBackgroundCopyJob_SetDisplayName(job, TEXT("late")), p->invalid_state);
    CHECK_HR(IBackgroundCopyJob_SetNotifyInterface(job, NULL), p->invalid_state);
    CHECK_HR(IBackgroundCopyJob_AddFile(job, from, to), p->invalid_state);
    CHECK_HR(IBackgroundCopyJob_Resume(job), p->invalid_state);
    CHECK_HR(IBackgroundCopyJob_Suspend(job), p->invalid_state);
    CHECK_HR(IBackgroundCopyJob_Complete(job), p->invalid_state);
    /* It answers to its identifier for another hour (docs/semantics.md, 5.6). */
    OK(IBackgroundCopyManager_GetJob(manager, &id, &again));
    CHECK(state_of(again) == BG_JOB_STATE_CANCELLED);
    IBackgroundCopyJob_Release(again);
    again = NULL;
    CHECK(IBackgroundCopyJob_Release(job) == 0);
    memset(&id, 7, sizeof id);
    CHECK_HR(IBackgroundCopyManager_GetJob(manager, &id, &again), p->not_found);
    CHECK(again == NULL);
}

static ULONG files_of(IBackgroundCopyJob *job) {
    IEnumBackgroundCopyFiles *files = NULL;
    ULONG count = 0;
    OK(IBackgroundCopyJob_EnumFiles(job, &files));
    OK(IEnumBackgroundCopyFiles_GetCount(files, &count));
    IEnumBackgroundCopyFiles_Release(files);
    return count;
}

/* A set is added whole or not at all; ranges are looked at when they are given. */
static void adding(IBackgroundCopyManager *manager, const struct profile *p) {
    GUID id;
    IBackgroundCopyJob *job = make(manager, &id);
    IBackgroundCopyJob3 *job3 = NULL;
    BG_FILE_INFO set[2] = {{from, to}, {from, (LPWSTR)(uintptr_t)TEXT("relative")}};
    BG_FILE_RANGE empty = {0, 0}, late = {BG_LENGTH_TO_EOF, 1};
    BG_FILE_RANGE twice[] = {{0, 10}, {5, 10}}, good[] = {{100, 10}, {0, 10}};
    DWORD count = 0;
    BG_FILE_RANGE *ranges = NULL;
    OK(IBackgroundCopyJob_QueryInterface(job, &IID_IBackgroundCopyJob3, (void **)&job3));
    CHECK_HR(IBackgroundCopyJob_AddFileSet(job, 2, set), E_INVALIDARG);
    CHECK(files_of(job) == 0);
    CHECK_HR(IBackgroundCopyJob_AddFile(job, TEXT("gopher://127.0.0.1/x"), to), E_INVALIDARG);
    CHECK_HR(IBackgroundCopyJob3_AddFileWithRanges(job3, from, to, 1, &empty), p->invalid_range);
    CHECK_HR(IBackgroundCopyJob3_AddFileWithRanges(job3, from, to, 1, &late), p->invalid_range);
    CHECK_HR(IBackgroundCopyJob3_AddFileWithRanges(job3, from, to, 2, twice), p->overlapping);
    CHECK(files_of(job) == 0);
    set[1].LocalName = other;
    OK(IBackgroundCopyJob_AddFileSet(job, 2, set));
    CHECK(files_of(job) == 2);
    OK(IBackgroundCopyJob_Cancel(job));
    IBackgroundCopyJob3_Release(job3);
    CHECK(IBackgroundCopyJob_Release(job) == 0);

    job = make(manager, &id);
    OK(IBackgroundCopyJob_QueryInterface(job, &IID_IBackgroundCopyJob3, (void **)&job3));
    OK(IBackgroundCopyJob3_AddFileWithRanges(job3, from, to, 2, good));
    IEnumBackgroundCopyFiles *files = NULL;
    IBackgroundCopyFile *file = NULL;
    IBackgroundCopyFile2 *file2 = NULL;
    OK(IBackgroundCopyJob3_EnumFiles(job3, &files));
    OK(IEnumBackgroundCopyFiles_Next(files, 1, &file, NULL));
    OK(IBackgroundCopyFile_QueryInterface(file, &IID_IBackgroundCopyFile2, (void **)&file2));
    OK(IBackgroundCopyFile2_GetFileRanges(file2, &count, &ranges));
    CHECK(count == 2 && ranges && memcmp(ranges, good, sizeof good) == 0);
    CoTaskMemFree(ranges);
    IBackgroundCopyFile2_Release(file2);
    IBackgroundCopyFile_Release(file);
    IEnumBackgroundCopyFiles_Release(files);
    OK(IBackgroundCopyJob3_Resume(job3));
    wait_for(job, BG_JOB_STATE_TRANSFERRED);
    OK(IBackgroundCopyJob3_Complete(job3));
    BG_JOB_PROGRESS progress;
    OK(IBackgroundCopyJob3_GetProgress(job3, &progress));
    CHECK(progress.BytesTotal == 20 && progress.BytesTransferred == 20);
    IBackgroundCopyJob3_Release(job3);
    CHECK(IBackgroundCopyJob_Release(job) == 0);
}

/* A 404 is an error of the remote file; what came is kept by Complete, and the getters answer afterwards. */
static void ending(IBackgroundCopyManager *manager, const struct profile *p, int bits) {
    GUID id;
    IBackgroundCopyJob *job = make(manager, &id);
    IBackgroundCopyError *error = NULL;
    BG_ERROR_CONTEXT context;
    HRESULT code;
    LPWSTR text = NULL;
    BG_JOB_PROGRESS progress;
    /* In the background the files come one after the other: the first is whole before the second is missing. */
    OK(IBackgroundCopyJob_SetPriority(job, BG_JOB_PRIORITY_NORMAL));
    OK(IBackgroundCopyJob_AddFile(job, from, to));
    OK(IBackgroundCopyJob_AddFile(job, missing, other));
    OK(IBackgroundCopyJob_Resume(job));
    wait_for(job, BG_JOB_STATE_ERROR);
    OK(IBackgroundCopyJob_GetError(job, &error));
    OK(IBackgroundCopyError_GetError(error, &context, &code));
    CHECK_HR(code, HTTP_E_STATUS_NOT_FOUND);
    CHECK(context == (bits ? BG_ERROR_CONTEXT_REMOTE_FILE : BG_ERROR_CONTEXT_NONE));
    OK(IBackgroundCopyError_GetErrorDescription(error, 0x0409, &text));
    CHECK(lstrlenW(text) > 0);
    CoTaskMemFree(text);
    OK(IBackgroundCopyError_GetErrorContextDescription(error, 0x0409, &text));
    CHECK(lstrlenW(text) > 0);
    CoTaskMemFree(text);
    text = NULL;
    OK(IBackgroundCopyError_GetProtocol(error, &text));
    CHECK(lstrlenW(text) > 0);
    CoTaskMemFree(text);
    IBackgroundCopyError_Release(error);
    HRESULT completed = IBackgroundCopyJob_Complete(job);
    CHECK(completed == (bits ? BG_S_PARTIAL_COMPLETE : S_OK));
    CHECK(state_of(job) == BG_JOB_STATE_ACKNOWLEDGED);
    OK(IBackgroundCopyJob_GetProgress(job, &progress));
    CHECK(progress.FilesTransferred == 1);
    CHECK_HR(IBackgroundCopyJob_Complete(job), p->invalid_state);
    CHECK(IBackgroundCopyJob_Release(job) == 0);

    job = make(manager, &id);
    OK(IBackgroundCopyJob_AddFile(job, from, to));
    OK(IBackgroundCopyJob_Resume(job));
    OK(IBackgroundCopyJob_Resume(job));
    wait_for(job, BG_JOB_STATE_TRANSFERRED);
    /* One more file takes the job back. */
    OK(IBackgroundCopyJob_AddFile(job, from, other));
    CHECK(state_of(job) == BG_JOB_STATE_SUSPENDED);
    OK(IBackgroundCopyJob_Resume(job));
    wait_for(job, BG_JOB_STATE_TRANSFERRED);
    OK(IBackgroundCopyJob_Complete(job));
    IEnumBackgroundCopyFiles *files = NULL;
    IBackgroundCopyFile *file = NULL;
    OK(IBackgroundCopyJob_EnumFiles(job, &files));
    for (int i = 0; i < 2; i++) {
        BG_FILE_PROGRESS one;
        OK(IEnumBackgroundCopyFiles_Next(files, 1, &file, NULL));
        OK(IBackgroundCopyFile_GetProgress(file, &one));
        CHECK(one.Completed && one.BytesTransferred == one.BytesTotal && one.BytesTotal > 0);
        IBackgroundCopyFile_Release(file);
    }
    IEnumBackgroundCopyFiles_Release(files);
    CHECK(IBackgroundCopyJob_Release(job) == 0);
}

/* A file's statistics, in its own slot and in the one where some programs look for them. */
static void statistics(IBackgroundCopyManager *manager) {
    GUID id;
    IBackgroundCopyJob *job = make(manager, &id);
    IDeliveryOptimizationJob *adder = NULL;
    IEnumBackgroundCopyFiles *files = NULL;
    IBackgroundCopyFile *file = NULL;
    IDeliveryOptimizationFile *stated = NULL;
    BG_FILE_RANGE range = {10, 1000};
    DOSwarmStats stats[2];
    OK(IBackgroundCopyJob_QueryInterface(job, &IID_IDeliveryOptimizationJob, (void **)&adder));
    OK(IDeliveryOptimizationJob_AddFileWithRanges(adder, TEXT("id"), from, to, 1, &range, 0));
    IDeliveryOptimizationJob_Release(adder);
    OK(IBackgroundCopyJob_Resume(job));
    wait_for(job, BG_JOB_STATE_TRANSFERRED);
    OK(IBackgroundCopyJob_EnumFiles(job, &files));
    OK(IEnumBackgroundCopyFiles_Next(files, 1, &file, NULL));
    OK(IBackgroundCopyFile_QueryInterface(file, &IID_IDeliveryOptimizationFile, (void **)&stated));
    memset(stats, 0xEE, sizeof stats);
    OK(IDeliveryOptimizationFile_GetStats(stated, &stats[0]));
    OK(IDeliveryOptimizationFile_GetStatsSlot4(stated, &stats[1]));
    for (int i = 0; i < 2; i++) {
        CHECK(stats[i].fileId && lstrlenW(stats[i].fileId) > 0 && same_words(stats[i].sourceURL, from));
        CHECK(stats[i].fileSize == 1000 && stats[i].totalBytesDownloaded == 1000 && stats[i].bytesFromHttp == 1000);
        CHECK(stats[i].bytesFromLanPeers == 0 && stats[i].bytesToInternetPeers == 0 && stats[i].internetConnectionCount == 0);
        CHECK(stats[i].httpConnectionCount > 0 && stats[i].status == SwarmStatus_Complete && stats[i].isBackground == FALSE);
        CoTaskMemFree(stats[i].fileId);
        CoTaskMemFree(stats[i].sourceURL);
    }
    IDeliveryOptimizationFile_Release(stated);
    IBackgroundCopyFile_Release(file);
    IEnumBackgroundCopyFiles_Release(files);
    OK(IBackgroundCopyJob_Cancel(job));
    CHECK(IBackgroundCopyJob_Release(job) == 0);
}

/* Of the two queues neither sees the other's jobs. */
static void queues(IBackgroundCopyManager *const managers[2]) {
    for (int i = 0; i < 2; i++) {
        GUID id;
        IBackgroundCopyJob *job = make(managers[i], &id), *found = NULL;
        for (int k = 0; k < 2; k++) {
            IEnumBackgroundCopyJobs *jobs = NULL;
            ULONG count = 99;
            OK(IBackgroundCopyManager_EnumJobs(managers[k], 0, &jobs));
            OK(IEnumBackgroundCopyJobs_GetCount(jobs, &count));
            CHECK(count == (k == i ? 1u : 0u));
            IEnumBackgroundCopyJobs_Release(jobs);
        }
        CHECK_HR(IBackgroundCopyManager_GetJob(managers[1 - i], &id, &found), PROFILES[1 - i].not_found);
        OK(IBackgroundCopyJob_Cancel(job));
        CHECK(IBackgroundCopyJob_Release(job) == 0);
    }
}

int main(int argc, char **argv) {
    if (argc != 3)
        return fputs("usage: contract URL FOLDER\n", stderr), 2;
    beneath(from, 1024, argv[1], "file");
    beneath(missing, 1024, argv[1], "missing");
    beneath(to, 1024, argv[2], "contract");
    beneath(other, 1024, argv[2], "contract-other");
    IBackgroundCopyManager *managers[2] = {NULL, NULL};
    OK(CoInitializeEx(NULL, COINIT_MULTITHREADED));
    for (int i = 0; i < 2; i++) {
        printf("# %s\n", PROFILES[i].name);
        OK(CoCreateInstance(PROFILES[i].class_id, NULL, CLSCTX_LOCAL_SERVER, &IID_IBackgroundCopyManager, (void **)&managers[i]));
        new_job(managers[i], &PROFILES[i]);
        adding(managers[i], &PROFILES[i]);
        ending(managers[i], &PROFILES[i], i == 0);
    }
    statistics(managers[1]);
    queues(managers);
    for (int i = 0; i < 2; i++)
        CHECK(IBackgroundCopyManager_Release(managers[i]) == 0);
    CoUninitialize();
    return tap_done();
}
