/* One object of each kind that the service has, for the programs that look at all of them.
 *
 * URL/file is there, URL/missing is a 404; FOLDER is a folder to write in. Closing leaves no job and no download behind. */
#ifndef LIVE_H
#define LIVE_H

#include "tap.h"
#include "words.h"
#include <deliveryoptimization.h>

#ifdef __cplusplus
extern "C" {
#endif

enum live_kind {
    LIVE_MANAGER,
    LIVE_JOB,
    LIVE_FILE,
    LIVE_ERROR,
    LIVE_ENUM_FILES,
    LIVE_ENUM_JOBS,
    LIVE_DO_MANAGER,
    LIVE_DO_JOB,
    LIVE_DO_FILE,
    LIVE_DOWNLOAD,
    LIVE_ENUM_DOWNLOADS,
    LIVE_KINDS
};

struct live {
    const char *name[LIVE_KINDS];
    IUnknown *object[LIVE_KINDS];
};

void live_open(struct live *live, const char *url, const char *folder);
void live_close(struct live *live);

/* The job's state is `wanted` within 60 s, or the program fails. */
void live_wait(IBackgroundCopyJob *job, BG_JOB_STATE wanted);

#ifdef __cplusplus
}
#endif

#endif
