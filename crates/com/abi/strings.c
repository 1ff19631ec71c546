/* Strings at their limits and one beyond, and what UTF-16 can hold: strings URL FOLDER.
 *
 * A name has at most 256 characters, a description 1 024, a URL 2 200, the headers 16 KiB. A lone surrogate is no text: E_INVALIDARG,
 * and nothing is stored in its place. */
#define COBJMACROS
#include "live.h"

static WCHAR buffer[40000];

/* `length` WCHARs: the start, then the letter. */
static LPWSTR filled(const char *start, size_t length, WCHAR letter) {
    wide_into(buffer, ARRAYSIZE(buffer), start);
    for (size_t n = (size_t)lstrlenW(buffer); n < length; n++)
        buffer[n] = letter;
    buffer[length] = 0;
    return buffer;
}

#define SAME_AND_FREE(text, expected)                                                                                  \
    do {                                                                                                               \
        CHECK(same_words(text, expected));                                                                             \
        CoTaskMemFree(text);                                                                                           \
        text = NULL;                                                                                                   \
    } while (0)

static const WCHAR SURROGATES[] = {0x41, 0xD83D, 0xDE00, 0xD834, 0xDD1E, 0xFFFD, 0x20AC, 0};
static const WCHAR LONE[][4] = {{0x41, 0xD83D, 0x42, 0}, {0xDE00, 0x41, 0x42, 0}, {0xDE00, 0xD83D, 0x41, 0}, {0x41, 0x42, 0xD83D, 0}};

static void names(IBackgroundCopyManager *manager, HRESULT too_long) {
    IBackgroundCopyJob *job = NULL;
    LPWSTR text = NULL;
    GUID id;
    OK(IBackgroundCopyManager_CreateJob(manager, filled("", 256, 'n'), BG_JOB_TYPE_DOWNLOAD, &id, &job));
    OK(IBackgroundCopyJob_GetDisplayName(job, &text));
    SAME_AND_FREE(text, buffer);
    IBackgroundCopyJob *none = NULL;
    REFUSED_OR(IBackgroundCopyManager_CreateJob(manager, filled("", 257, 'n'), BG_JOB_TYPE_DOWNLOAD, &id, &none), too_long);
    CHECK(none == NULL);
    REFUSED_OR(IBackgroundCopyJob_SetDisplayName(job, filled("", 257, 'n')), too_long);
    OK(IBackgroundCopyJob_SetDisplayName(job, TEXT("")));
    OK(IBackgroundCopyJob_GetDisplayName(job, &text));
    SAME_AND_FREE(text, TEXT(""));

    OK(IBackgroundCopyJob_SetDisplayName(job, SURROGATES));
    OK(IBackgroundCopyJob_GetDisplayName(job, &text));
    SAME_AND_FREE(text, SURROGATES);
    for (size_t n = 0; n < 256; n += 2) {
        buffer[n] = 0xD83D;
        buffer[n + 1] = 0xDE00;
    }
    buffer[256] = 0;
    OK(IBackgroundCopyJob_SetDisplayName(job, buffer));
    OK(IBackgroundCopyJob_GetDisplayName(job, &text));
    SAME_AND_FREE(text, buffer);
    for (size_t i = 0; i < ARRAYSIZE(LONE); i++) {
        CHECK_HR(IBackgroundCopyJob_SetDisplayName(job, LONE[i]), E_INVALIDARG);
        CHECK_HR(IBackgroundCopyJob_SetDescription(job, LONE[i]), E_INVALIDARG);
        CHECK_HR(IBackgroundCopyManager_CreateJob(manager, LONE[i], BG_JOB_TYPE_DOWNLOAD, &id, &none), E_INVALIDARG);
    }
    OK(IBackgroundCopyJob_GetDisplayName(job, &text));
    SAME_AND_FREE(text, buffer);

    OK(IBackgroundCopyJob_GetDescription(job, &text));
    SAME_AND_FREE(text, TEXT(""));
    OK(IBackgroundCopyJob_SetDescription(job, filled("", 1024, 'd')));
    OK(IBackgroundCopyJob_GetDescription(job, &text));
    SAME_AND_FREE(text, buffer);
    REFUSED_OR(IBackgroundCopyJob_SetDescription(job, filled("", 1025, 'd')), too_long);
    OK(IBackgroundCopyJob_SetDescription(job, SURROGATES));
    OK(IBackgroundCopyJob_GetDescription(job, &text));
    SAME_AND_FREE(text, SURROGATES);
    OK(IBackgroundCopyJob_Cancel(job));
    CHECK(IBackgroundCopyJob_Release(job) == 0);
}

static IBackgroundCopyFile2 *only_file(IBackgroundCopyJob *job) {
    IEnumBackgroundCopyFiles *files = NULL;
    IBackgroundCopyFile *file = NULL;
    IBackgroundCopyFile2 *file2 = NULL;
    ULONG count = 0;
    OK(IBackgroundCopyJob_EnumFiles(job, &files));
    OK(IEnumBackgroundCopyFiles_GetCount(files, &count));
    CHECK(count == 1);
    OK(IEnumBackgroundCopyFiles_Next(files, 1, &file, NULL));
    OK(IBackgroundCopyFile_QueryInterface(file, &IID_IBackgroundCopyFile2, (void **)&file2));
    IBackgroundCopyFile_Release(file);
    IEnumBackgroundCopyFiles_Release(files);
    return file2;
}

static void urls_and_paths(IBackgroundCopyManager *manager, const char *folder, HRESULT too_long) {
    IBackgroundCopyJob *job = NULL;
    WCHAR path[4400], url[64];
    LPWSTR text = NULL;
    GUID id;
    OK(IBackgroundCopyManager_CreateJob(manager, TEXT("urls"), BG_JOB_TYPE_DOWNLOAD, &id, &job));
    wide_into(url, 64, "http://127.0.0.1/a");
    beneath(path, 4400, folder, "\xC3\xBC-\xF0\x9F\x98\x80");

    REFUSED_OR(IBackgroundCopyJob_AddFile(job, filled("http://127.0.0.1/", 2201, 'u'), path), too_long);
    REFUSED_OR(IBackgroundCopyJob_AddFile(job, TEXT(""), path), BG_E_REMOTE_NOT_SUPPORTED);
    REFUSED_OR(IBackgroundCopyJob_AddFile(job, url, TEXT("")), BG_E_REMOTE_NOT_SUPPORTED);
    REFUSED(IBackgroundCopyJob_AddFile(job, url, TEXT("relative/path")));
    for (size_t i = 0; i < ARRAYSIZE(LONE); i++) {
        WCHAR lone_path[4400], lone_url[64];
        beneath(lone_path, 4400, folder, "lone");
        wide_into(lone_url, 64, "http://127.0.0.1/lone");
        memcpy(lone_path + lstrlenW(lone_path), LONE[i], sizeof LONE[i]);
        memcpy(lone_url + lstrlenW(lone_url), LONE[i], sizeof LONE[i]);
        CHECK_HR(IBackgroundCopyJob_AddFile(job, url, lone_path), E_INVALIDARG);
        CHECK_HR(IBackgroundCopyJob_AddFile(job, lone_url, path), E_INVALIDARG);
    }
    OK(IBackgroundCopyJob_AddFile(job, filled("http://127.0.0.1/", 2200, 'u'), path));
    IBackgroundCopyFile2 *file = only_file(job);
    OK(IBackgroundCopyFile2_GetRemoteName(file, &text));
    SAME_AND_FREE(text, buffer);
    OK(IBackgroundCopyFile2_GetLocalName(file, &text));
    SAME_AND_FREE(text, path);
    REFUSED_OR(IBackgroundCopyFile2_SetRemoteName(file, filled("http://127.0.0.1/", 2201, 'v')), too_long);
    OK(IBackgroundCopyFile2_SetRemoteName(file, filled("http://127.0.0.1/", 2200, 'v')));
    OK(IBackgroundCopyFile2_GetRemoteName(file, &text));
    SAME_AND_FREE(text, buffer);
    CHECK_HR(IBackgroundCopyFile2_SetRemoteName(file, LONE[0]), E_INVALIDARG);
    IBackgroundCopyFile2_Release(file);

    IBackgroundCopyJobHttpOptions *http = NULL;
    OK(IBackgroundCopyJob_QueryInterface(job, &IID_IBackgroundCopyJobHttpOptions, (void **)&http));
    /* 16 KiB with the separators that a field may need at its end. */
    OK(IBackgroundCopyJobHttpOptions_SetCustomHeaders(http, filled("X-Long: ", 16 * 1024 - 4, 'h')));
    HRESULT hr = IBackgroundCopyJobHttpOptions_SetCustomHeaders(http, filled("X-Long: ", 16 * 1024 + 1, 'h'));
    REFUSED_OR(hr, too_long);
    CHECK_HR(IBackgroundCopyJobHttpOptions_SetCustomHeaders(http, LONE[0]), E_INVALIDARG);
    IBackgroundCopyJobHttpOptions_Release(http);
    OK(IBackgroundCopyJob_Cancel(job));
    CHECK(IBackgroundCopyJob_Release(job) == 0);
}

static void properties(IBackgroundCopyManager *first) {
    IDOManager *manager = NULL;
    IDODownload *download = NULL;
    VARIANT in, out;
    OK(IBackgroundCopyManager_QueryInterface(first, &IID_IDOManager, (void **)&manager));
    OK(IDOManager_CreateDownload(manager, &download));
    VariantInit(&out);
    CHECK_HR(IDODownload_GetProperty(download, DODownloadProperty_DisplayName, &out), E_NOT_SET);
    CHECK(V_VT(&out) == VT_EMPTY);
    VariantInit(&in);
    V_VT(&in) = VT_BSTR;
    V_BSTR(&in) = SysAllocString(SURROGATES);
    CHECK(SysStringLen(V_BSTR(&in)) == ARRAYSIZE(SURROGATES) - 1);
    OK(IDODownload_SetProperty(download, DODownloadProperty_DisplayName, &in));
    OK(IDODownload_GetProperty(download, DODownloadProperty_DisplayName, &out));
    CHECK(V_VT(&out) == VT_BSTR && V_BSTR(&out) != V_BSTR(&in));
    CHECK(SysStringLen(V_BSTR(&out)) == ARRAYSIZE(SURROGATES) - 1);
    CHECK(same_words(V_BSTR(&out), SURROGATES));
    OK(VariantClear(&out));
    CHECK(V_VT(&out) == VT_EMPTY);
    OK(VariantClear(&in));
    V_VT(&in) = VT_BSTR;
    V_BSTR(&in) = SysAllocString(LONE[0]);
    CHECK_HR(IDODownload_SetProperty(download, DODownloadProperty_DisplayName, &in), E_INVALIDARG);
    OK(VariantClear(&in));
    /* A NUL inside a BSTR is not the end of it, and no name either. */
    V_VT(&in) = VT_BSTR;
    V_BSTR(&in) = SysAllocStringLen(TEXT("a\0b"), 3);
    CHECK(SysStringLen(V_BSTR(&in)) == 3);
    CHECK_HR(IDODownload_SetProperty(download, DODownloadProperty_DisplayName, &in), E_INVALIDARG);
    OK(VariantClear(&in));
    V_VT(&in) = VT_UI4;
    V_UI4(&in) = 1;
    REFUSED_OR(IDODownload_SetProperty(download, DODownloadProperty_DisplayName, &in), DISP_E_TYPEMISMATCH);
    OK(IDODownload_Abort(download));
    CHECK(IDODownload_Release(download) == 0);
    IDOManager_Release(manager);
}

static void identifiers(void) {
    WCHAR text[39];
    IID iid;
    CHECK(StringFromGUID2(&IID_IBackgroundCopyFile3, text, 39) == 39);
    CHECK(same_words(text, TEXT("{659CDEAA-489E-11D9-A9CD-000D56965251}")));
    OK(IIDFromString(text, &iid));
    CHECK(IsEqualIID(&iid, &IID_IBackgroundCopyFile3));
    CHECK(FAILED(IIDFromString(TEXT("659CDEAA-489E-11D9-A9CD-000D56965251"), &iid)));
    CHECK(FAILED(IIDFromString(TEXT("{659CDEAA-489E-11D9-A9CD-000D5696525G}"), &iid)));
    CHECK(FAILED(IIDFromString(TEXT("{659CDEAA-489E-11D9-A9CD-000D56965251}x"), &iid)));
}

int main(int argc, char **argv) {
    if (argc != 3)
        return fputs("usage: strings URL FOLDER\n", stderr), 2;
    OK(CoInitializeEx(NULL, COINIT_MULTITHREADED));
    identifiers();
    const CLSID *const classes[] = {&CLSID_BackgroundCopyManager, &CLSID_DeliveryOptimization};
    for (int i = 0; i < 2; i++) {
        IBackgroundCopyManager *manager = NULL;
        LPWSTR text = NULL;
        OK(CoCreateInstance(classes[i], NULL, CLSCTX_LOCAL_SERVER, &IID_IBackgroundCopyManager, (void **)&manager));
        names(manager, BG_E_STRING_TOO_LONG);
        urls_and_paths(manager, argv[2], BG_E_STRING_TOO_LONG);
        /* In every language the text is English, and a code that nobody knows has one too. */
        OK(IBackgroundCopyManager_GetErrorDescription(manager, BG_E_NOT_FOUND, MAKELANGID(LANG_NEUTRAL, SUBLANG_DEFAULT), &text));
        CHECK(lstrlenW(text) > 0);
        CoTaskMemFree(text);
        OK(IBackgroundCopyManager_GetErrorDescription(manager, BGCOPY_HTTP_HRESULT(404), 0x0407, &text));
        CHECK(lstrlenW(text) > 0);
        CoTaskMemFree(text);
        if (i == 1)
            properties(manager);
        CHECK(IBackgroundCopyManager_Release(manager) == 0);
    }
    CoUninitialize();
    return tap_done();
}
