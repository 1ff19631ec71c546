/* Fetches a file in the background and is called back: notify URL PATH, where the path is absolute.
 *
 * Needs libsystemd (cc notify.c -o notify -lsystemd) and the service on the session bus (bgcopyd --session). */
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>

#define SERVICE "org.bgcopy"
#define JOB "org.bgcopy.Job1"

static int ended = -1; /* the exit code, once there is one */

/* A negative answer of these is an error reply: the service calls again later. */
static int job_transferred(sd_bus_message *call, void *data, sd_bus_error *error) {
    const char *job;
    int r = sd_bus_message_read(call, "o", &job);
    if (r >= 0)
        r = sd_bus_call_method(sd_bus_message_get_bus(call), SERVICE, job, JOB, "Complete", error, NULL, NULL);
    if (r < 0)
        return r;
    ended = 0;
    return sd_bus_reply_method_return(call, NULL);
}

static int job_error(sd_bus_message *call, void *data, sd_bus_error *error) {
    sd_bus *bus = sd_bus_message_get_bus(call);
    const char *job, *why;
    sd_bus_message *answer = NULL;
    int r = sd_bus_message_read(call, "oo", &job, &why);
    if (r >= 0)
        r = sd_bus_get_property(bus, SERVICE, why, "org.bgcopy.Error1", "Description", error, &answer, "s");
    if (r >= 0 && sd_bus_message_read(answer, "s", &why) >= 0)
        fprintf(stderr, "%s\n", why);
    sd_bus_message_unref(answer);
    if (r >= 0)
        r = sd_bus_call_method(bus, SERVICE, job, JOB, "Cancel", error, NULL, NULL);
    if (r < 0)
        return r;
    ended = 1;
    return sd_bus_reply_method_return(call, NULL);
}

static const sd_bus_vtable callback[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("JobTransferred", "o", "", job_transferred, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("JobError", "oo", "", job_error, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END
};

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: notify URL PATH\n");
        return 2;
    }
    sd_bus *bus = NULL;
    sd_bus_error error = SD_BUS_ERROR_NULL;
    int r = sd_bus_open_user(&bus);
    if (r >= 0)
        r = sd_bus_add_object_vtable(bus, NULL, "/callback", "org.bgcopy.Callback1", callback, NULL);
    if (r >= 0) /* made, registered and started by one call: nothing can happen in between */
        r = sd_bus_call_method(bus, SERVICE, "/org/bgcopy", "org.bgcopy.Manager1", "SubmitJob", &error, NULL,
                               "ssa{sv}a(ssa{sv})b", "bits", "notify.c", 1, "NotifyInterface", "o", "/callback",
                               1, argv[1], argv[2], 0, 1);
    while (r >= 0 && ended < 0) {
        r = sd_bus_process(bus, NULL);
        if (r == 0)
            r = sd_bus_wait(bus, UINT64_MAX);
    }
    if (r < 0)
        fprintf(stderr, "notify: %s\n", error.message ? error.message : strerror(-r));
    sd_bus_error_free(&error);
    sd_bus_flush_close_unref(bus);
    return r < 0 ? 3 : ended;
}
