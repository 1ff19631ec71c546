# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_bgcopy_global_optspecs
    string join \n system session socket= h/help V/version
end

function __fish_bgcopy_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_bgcopy_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_bgcopy_using_subcommand
    set -l cmd (__fish_bgcopy_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c bgcopy -n "__fish_bgcopy_needs_command" -l socket -d 'The service with its private socket at this path' -r -F
complete -c bgcopy -n "__fish_bgcopy_needs_command" -l system -d 'The service of the whole machine, on the system bus'
complete -c bgcopy -n "__fish_bgcopy_needs_command" -l session -d 'This user\'s own service, on the session bus'
complete -c bgcopy -n "__fish_bgcopy_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bgcopy -n "__fish_bgcopy_needs_command" -s V -l version -d 'Print version'
complete -c bgcopy -n "__fish_bgcopy_needs_command" -f -a "get" -d 'Fetches files and waits for them'
complete -c bgcopy -n "__fish_bgcopy_needs_command" -f -a "create" -d 'Makes an empty job and prints its id'
complete -c bgcopy -n "__fish_bgcopy_needs_command" -f -a "add" -d 'Adds files to a job'
complete -c bgcopy -n "__fish_bgcopy_needs_command" -f -a "list" -d 'Lists the jobs'
complete -c bgcopy -n "__fish_bgcopy_needs_command" -f -a "show" -d 'Shows everything about a job'
complete -c bgcopy -n "__fish_bgcopy_needs_command" -f -a "files" -d 'Lists the files of a job'
complete -c bgcopy -n "__fish_bgcopy_needs_command" -f -a "resume" -d 'Lets jobs go, or go on'
complete -c bgcopy -n "__fish_bgcopy_needs_command" -f -a "suspend" -d 'Stops jobs until they are resumed'
complete -c bgcopy -n "__fish_bgcopy_needs_command" -f -a "cancel" -d 'Drops jobs and deletes what they fetched'
complete -c bgcopy -n "__fish_bgcopy_needs_command" -f -a "complete" -d 'Gives the fetched files their names and ends the jobs'
complete -c bgcopy -n "__fish_bgcopy_needs_command" -f -a "take" -d 'Takes over jobs of other users of the machine'
complete -c bgcopy -n "__fish_bgcopy_needs_command" -f -a "set" -d 'Changes the properties of a job'
complete -c bgcopy -n "__fish_bgcopy_needs_command" -f -a "wait" -d 'Waits until jobs come to an end'
complete -c bgcopy -n "__fish_bgcopy_needs_command" -f -a "watch" -d 'Shows jobs as they change'
complete -c bgcopy -n "__fish_bgcopy_needs_command" -f -a "why" -d 'Tells why a job is in the state it is in'
complete -c bgcopy -n "__fish_bgcopy_needs_command" -f -a "daemon" -d 'Runs, shows or stops the service'
complete -c bgcopy -n "__fish_bgcopy_needs_command" -f -a "gen-man" -d 'Writes the manual pages into a folder'
complete -c bgcopy -n "__fish_bgcopy_needs_command" -f -a "gen-completions" -d 'Writes the completions for bash, zsh and fish into a folder'
complete -c bgcopy -n "__fish_bgcopy_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -s o -l output -d 'Give the file this name; for one URL' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -s d -l directory -d 'Put the files into this folder, named as the origin names them; the working folder by default' -r -f -a "(__fish_complete_directories)"
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l checksum -d 'What the file must hash to: sha256: or blake3: and 64 hexadecimal digits; for one URL' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l mirror -d 'Another place that has the same file, asked when the first cannot help; can be given again, up to 32 times' -r -f
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l metalink -d 'Fetch the files that this Metalink document (RFC 5854, .meta4) describes, from the places that it names' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l name -d 'A name for the job; by default that of its first file' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l priority -d 'When it is its turn: foreground runs at once and beside everything, the others in this order' -r -f -a "foreground\t''
high\t''
normal\t''
low\t''"
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l description -d 'A description for people' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l header -d 'Send this field with every request, for example \'Authorization: Bearer …\'; can be given again' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l user -d 'Answer the origin as this user when it asks who this is' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l password-file -d 'Read the password of --user from the first line of this file; - is standard input' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l auth -d 'How --user may be proved; basic shows the password to whoever can read the connection' -r -f -a "digest\t''
basic\t''"
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l proxy -d 'Go through this proxy, or the next one given when it cannot be reached' -r -f
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l proxy-bypass -d 'Ask these hosts without a proxy: `<local>` for names without a dot, else [scheme://]host[:port], with * for any characters' -r -f -a "(__fish_print_hostnames)"
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l proxy-user -d 'Answer the proxy as this user when it asks who this is' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l proxy-password-file -d 'Read the password of --proxy-user from the first line of this file; - is standard input' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l proxy-auth -d 'How --proxy-user may be proved; basic shows the password to whoever can read the connection' -r -f -a "digest\t''
basic\t''"
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l redirects -d 'What becomes of a redirect: it is followed, followed and shown as the file\'s URL, or an error' -r -f -a "follow\t''
report\t''
refuse\t''"
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l retry-delay -d 'The shortest time before another try, at least 5s' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l no-progress-timeout -d 'Give up after this long without a byte: 90s, 10m, 2h, 14d; 0 gives up at the first error' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l exec -d 'Run this program with these arguments when the job is fetched or stopped by an error; must come last' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l socket -d 'The service with its private socket at this path' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l no-proxy -d 'Go through no proxy, whatever the environment says'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l no-wait -d 'Print the job\'s id and do not wait for the files'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l json -d 'Print JSON, one object a line'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l system -d 'The service of the whole machine, on the system bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -l session -d 'This user\'s own service, on the session bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand create" -l priority -d 'When it is its turn: foreground runs at once and beside everything, the others in this order' -r -f -a "foreground\t''
high\t''
normal\t''
low\t''"
complete -c bgcopy -n "__fish_bgcopy_using_subcommand create" -l description -d 'A description for people' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand create" -l header -d 'Send this field with every request, for example \'Authorization: Bearer …\'; can be given again' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand create" -l user -d 'Answer the origin as this user when it asks who this is' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand create" -l password-file -d 'Read the password of --user from the first line of this file; - is standard input' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand create" -l auth -d 'How --user may be proved; basic shows the password to whoever can read the connection' -r -f -a "digest\t''
basic\t''"
complete -c bgcopy -n "__fish_bgcopy_using_subcommand create" -l proxy -d 'Go through this proxy, or the next one given when it cannot be reached' -r -f
complete -c bgcopy -n "__fish_bgcopy_using_subcommand create" -l proxy-bypass -d 'Ask these hosts without a proxy: `<local>` for names without a dot, else [scheme://]host[:port], with * for any characters' -r -f -a "(__fish_print_hostnames)"
complete -c bgcopy -n "__fish_bgcopy_using_subcommand create" -l proxy-user -d 'Answer the proxy as this user when it asks who this is' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand create" -l proxy-password-file -d 'Read the password of --proxy-user from the first line of this file; - is standard input' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand create" -l proxy-auth -d 'How --proxy-user may be proved; basic shows the password to whoever can read the connection' -r -f -a "digest\t''
basic\t''"
complete -c bgcopy -n "__fish_bgcopy_using_subcommand create" -l redirects -d 'What becomes of a redirect: it is followed, followed and shown as the file\'s URL, or an error' -r -f -a "follow\t''
report\t''
refuse\t''"
complete -c bgcopy -n "__fish_bgcopy_using_subcommand create" -l retry-delay -d 'The shortest time before another try, at least 5s' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand create" -l no-progress-timeout -d 'Give up after this long without a byte: 90s, 10m, 2h, 14d; 0 gives up at the first error' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand create" -l exec -d 'Run this program with these arguments when the job is fetched or stopped by an error; must come last' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand create" -l socket -d 'The service with its private socket at this path' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand create" -l no-proxy -d 'Go through no proxy, whatever the environment says'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand create" -l auto-complete -d 'Give the files their names as soon as all of them are fetched'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand create" -l json -d 'Print JSON, one object a line'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand create" -l system -d 'The service of the whole machine, on the system bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand create" -l session -d 'This user\'s own service, on the session bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand add" -s o -l output -d 'Give the file this name; for one URL' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand add" -s d -l directory -d 'Put the files into this folder, named as the origin names them; the working folder by default' -r -f -a "(__fish_complete_directories)"
complete -c bgcopy -n "__fish_bgcopy_using_subcommand add" -l checksum -d 'What the file must hash to: sha256: or blake3: and 64 hexadecimal digits; for one URL' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand add" -l mirror -d 'Another place that has the same file, asked when the first cannot help; can be given again, up to 32 times' -r -f
complete -c bgcopy -n "__fish_bgcopy_using_subcommand add" -l metalink -d 'Fetch the files that this Metalink document (RFC 5854, .meta4) describes, from the places that it names' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand add" -l socket -d 'The service with its private socket at this path' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand add" -l json -d 'Print JSON, one object a line'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand add" -l system -d 'The service of the whole machine, on the system bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand add" -l session -d 'This user\'s own service, on the session bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand list" -l socket -d 'The service with its private socket at this path' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand list" -s a -l all -d 'List those of all users; for an administrator'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand list" -l downloads -d 'List the downloads: what applications fetch by the other interface, one file each'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand list" -l json -d 'Print JSON, one object a line'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand list" -l system -d 'The service of the whole machine, on the system bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand list" -l session -d 'This user\'s own service, on the session bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand show" -l socket -d 'The service with its private socket at this path' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand show" -l json -d 'Print JSON, one object a line'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand show" -l system -d 'The service of the whole machine, on the system bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand show" -l session -d 'This user\'s own service, on the session bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand files" -l socket -d 'The service with its private socket at this path' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand files" -l stats -d 'Show what fetching each file has cost: bytes, requests and time, over all tries'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand files" -l json -d 'Print JSON, one object a line'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand files" -l system -d 'The service of the whole machine, on the system bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand files" -l session -d 'This user\'s own service, on the session bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand files" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand resume" -l socket -d 'The service with its private socket at this path' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand resume" -l json -d 'Print JSON, one object a line'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand resume" -l system -d 'The service of the whole machine, on the system bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand resume" -l session -d 'This user\'s own service, on the session bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand resume" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand suspend" -l socket -d 'The service with its private socket at this path' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand suspend" -l json -d 'Print JSON, one object a line'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand suspend" -l system -d 'The service of the whole machine, on the system bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand suspend" -l session -d 'This user\'s own service, on the session bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand suspend" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand cancel" -l socket -d 'The service with its private socket at this path' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand cancel" -l json -d 'Print JSON, one object a line'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand cancel" -l system -d 'The service of the whole machine, on the system bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand cancel" -l session -d 'This user\'s own service, on the session bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand cancel" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand complete" -l socket -d 'The service with its private socket at this path' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand complete" -l json -d 'Print JSON, one object a line'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand complete" -l system -d 'The service of the whole machine, on the system bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand complete" -l session -d 'This user\'s own service, on the session bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand complete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand take" -l socket -d 'The service with its private socket at this path' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand take" -l json -d 'Print JSON, one object a line'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand take" -l system -d 'The service of the whole machine, on the system bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand take" -l session -d 'This user\'s own service, on the session bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand take" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l name -d 'Its name' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l description -d 'Its description' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l priority -d 'When it is its turn' -r -f -a "foreground\t''
high\t''
normal\t''
low\t''"
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l auto-complete -d 'Whether the service gives the files their names as soon as all of them are fetched' -r -f -a "true\t''
false\t''"
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l retry-delay -d 'The shortest time before another try, at least 5s' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l no-progress-timeout -d 'Give up after this long without a byte: 90s, 10m, 2h, 14d; 0 gives up at the first error' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l max-time -d 'Give up after so long at work, whatever comes: 12h, 3d; 0 sets no limit. Waiting does not count' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l notify-flags -d 'What the job\'s program is called back for' -r -f -a "transferred\t''
error\t''
modification\t''
file-transferred\t''
none\t''"
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l url -d 'Where a file is from now on, by its number in `bgcopy files`; goes on if size and date are the same there' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l url-prefix -d 'What the URLs of unfinished files begin with, and what they begin with from now on' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l header -d 'Send this field with every request, in place of all that there were; can be given again' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l user -d 'Answer the origin as this user when it asks who this is' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l password-file -d 'Read the password of --user from the first line of this file; - is standard input' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l auth -d 'How --user may be proved; basic shows the password to whoever can read the connection' -r -f -a "digest\t''
basic\t''"
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l proxy -d 'Go through this proxy, or the next one given when it cannot be reached' -r -f
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l proxy-bypass -d 'Ask these hosts without a proxy: `<local>` for names without a dot, else [scheme://]host[:port], with * for any characters' -r -f -a "(__fish_print_hostnames)"
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l proxy-user -d 'Answer the proxy as this user when it asks who this is' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l proxy-password-file -d 'Read the password of --proxy-user from the first line of this file; - is standard input' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l proxy-auth -d 'How --proxy-user may be proved; basic shows the password to whoever can read the connection' -r -f -a "digest\t''
basic\t''"
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l redirects -d 'What becomes of a redirect: it is followed, followed and shown as the file\'s URL, or an error' -r -f -a "follow\t''
report\t''
refuse\t''"
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l socket -d 'The service with its private socket at this path' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l no-user -d 'Forget the user and password of --user'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l no-proxy-user -d 'Forget the user and password of --proxy-user'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l no-headers -d 'Send no fields of the job\'s own any more'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l no-proxy -d 'Go through no proxy, whatever the environment says'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l json -d 'Print JSON, one object a line'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l system -d 'The service of the whole machine, on the system bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -l session -d 'This user\'s own service, on the session bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand wait" -l timeout -d 'Wait no longer than this: 90s, 10m, 2h' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand wait" -l socket -d 'The service with its private socket at this path' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand wait" -l json -d 'Print JSON, one object a line'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand wait" -l system -d 'The service of the whole machine, on the system bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand wait" -l session -d 'This user\'s own service, on the session bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand wait" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand watch" -l socket -d 'The service with its private socket at this path' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand watch" -s a -l all -d 'Show the jobs of all users; for an administrator'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand watch" -l calls -d 'Be the client that the jobs call back: print each call, which is thereby dealt with'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand watch" -l json -d 'Print JSON, one object a line'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand watch" -l system -d 'The service of the whole machine, on the system bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand watch" -l session -d 'This user\'s own service, on the session bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand why" -l socket -d 'The service with its private socket at this path' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand why" -l json -d 'Print JSON, one object a line'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand why" -l system -d 'The service of the whole machine, on the system bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand why" -l session -d 'This user\'s own service, on the session bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand why" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and not __fish_seen_subcommand_from run status stop help" -l socket -d 'The service with its private socket at this path' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and not __fish_seen_subcommand_from run status stop help" -l system -d 'The service of the whole machine, on the system bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and not __fish_seen_subcommand_from run status stop help" -l session -d 'This user\'s own service, on the session bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and not __fish_seen_subcommand_from run status stop help" -s h -l help -d 'Print help'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and not __fish_seen_subcommand_from run status stop help" -f -a "run" -d 'Runs the service in the foreground'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and not __fish_seen_subcommand_from run status stop help" -f -a "status" -d 'Shows whether the service runs'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and not __fish_seen_subcommand_from run status stop help" -f -a "stop" -d 'Stops the service'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and not __fish_seen_subcommand_from run status stop help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and __fish_seen_subcommand_from run" -l config -d 'The configuration; the usual one, where there is one, by default' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and __fish_seen_subcommand_from run" -l state-dir -d 'The folder of the queue; the usual one by default' -r -f -a "(__fish_complete_directories)"
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and __fish_seen_subcommand_from run" -l log -d 'What is logged: error, warn, info, debug, trace, or a filter by module' -r
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and __fish_seen_subcommand_from run" -l socket -d 'The service with its private socket at this path' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and __fish_seen_subcommand_from run" -l system -d 'The service of the whole machine, on the system bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and __fish_seen_subcommand_from run" -l session -d 'This user\'s own service, on the session bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and __fish_seen_subcommand_from run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and __fish_seen_subcommand_from status" -l socket -d 'The service with its private socket at this path' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and __fish_seen_subcommand_from status" -l json -d 'Print JSON, one object a line'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and __fish_seen_subcommand_from status" -l system -d 'The service of the whole machine, on the system bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and __fish_seen_subcommand_from status" -l session -d 'This user\'s own service, on the session bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and __fish_seen_subcommand_from stop" -l socket -d 'The service with its private socket at this path' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and __fish_seen_subcommand_from stop" -l json -d 'Print JSON, one object a line'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and __fish_seen_subcommand_from stop" -l system -d 'The service of the whole machine, on the system bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and __fish_seen_subcommand_from stop" -l session -d 'This user\'s own service, on the session bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and __fish_seen_subcommand_from stop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and __fish_seen_subcommand_from help" -f -a "run" -d 'Runs the service in the foreground'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and __fish_seen_subcommand_from help" -f -a "status" -d 'Shows whether the service runs'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and __fish_seen_subcommand_from help" -f -a "stop" -d 'Stops the service'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand daemon; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand gen-man" -l socket -d 'The service with its private socket at this path' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand gen-man" -l system -d 'The service of the whole machine, on the system bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand gen-man" -l session -d 'This user\'s own service, on the session bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand gen-man" -s h -l help -d 'Print help'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand gen-completions" -l socket -d 'The service with its private socket at this path' -r -F
complete -c bgcopy -n "__fish_bgcopy_using_subcommand gen-completions" -l system -d 'The service of the whole machine, on the system bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand gen-completions" -l session -d 'This user\'s own service, on the session bus'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand gen-completions" -s h -l help -d 'Print help'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand help; and not __fish_seen_subcommand_from get create add list show files resume suspend cancel complete take set wait watch why daemon gen-man gen-completions help" -f -a "get" -d 'Fetches files and waits for them'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand help; and not __fish_seen_subcommand_from get create add list show files resume suspend cancel complete take set wait watch why daemon gen-man gen-completions help" -f -a "create" -d 'Makes an empty job and prints its id'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand help; and not __fish_seen_subcommand_from get create add list show files resume suspend cancel complete take set wait watch why daemon gen-man gen-completions help" -f -a "add" -d 'Adds files to a job'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand help; and not __fish_seen_subcommand_from get create add list show files resume suspend cancel complete take set wait watch why daemon gen-man gen-completions help" -f -a "list" -d 'Lists the jobs'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand help; and not __fish_seen_subcommand_from get create add list show files resume suspend cancel complete take set wait watch why daemon gen-man gen-completions help" -f -a "show" -d 'Shows everything about a job'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand help; and not __fish_seen_subcommand_from get create add list show files resume suspend cancel complete take set wait watch why daemon gen-man gen-completions help" -f -a "files" -d 'Lists the files of a job'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand help; and not __fish_seen_subcommand_from get create add list show files resume suspend cancel complete take set wait watch why daemon gen-man gen-completions help" -f -a "resume" -d 'Lets jobs go, or go on'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand help; and not __fish_seen_subcommand_from get create add list show files resume suspend cancel complete take set wait watch why daemon gen-man gen-completions help" -f -a "suspend" -d 'Stops jobs until they are resumed'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand help; and not __fish_seen_subcommand_from get create add list show files resume suspend cancel complete take set wait watch why daemon gen-man gen-completions help" -f -a "cancel" -d 'Drops jobs and deletes what they fetched'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand help; and not __fish_seen_subcommand_from get create add list show files resume suspend cancel complete take set wait watch why daemon gen-man gen-completions help" -f -a "complete" -d 'Gives the fetched files their names and ends the jobs'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand help; and not __fish_seen_subcommand_from get create add list show files resume suspend cancel complete take set wait watch why daemon gen-man gen-completions help" -f -a "take" -d 'Takes over jobs of other users of the machine'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand help; and not __fish_seen_subcommand_from get create add list show files resume suspend cancel complete take set wait watch why daemon gen-man gen-completions help" -f -a "set" -d 'Changes the properties of a job'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand help; and not __fish_seen_subcommand_from get create add list show files resume suspend cancel complete take set wait watch why daemon gen-man gen-completions help" -f -a "wait" -d 'Waits until jobs come to an end'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand help; and not __fish_seen_subcommand_from get create add list show files resume suspend cancel complete take set wait watch why daemon gen-man gen-completions help" -f -a "watch" -d 'Shows jobs as they change'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand help; and not __fish_seen_subcommand_from get create add list show files resume suspend cancel complete take set wait watch why daemon gen-man gen-completions help" -f -a "why" -d 'Tells why a job is in the state it is in'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand help; and not __fish_seen_subcommand_from get create add list show files resume suspend cancel complete take set wait watch why daemon gen-man gen-completions help" -f -a "daemon" -d 'Runs, shows or stops the service'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand help; and not __fish_seen_subcommand_from get create add list show files resume suspend cancel complete take set wait watch why daemon gen-man gen-completions help" -f -a "gen-man" -d 'Writes the manual pages into a folder'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand help; and not __fish_seen_subcommand_from get create add list show files resume suspend cancel complete take set wait watch why daemon gen-man gen-completions help" -f -a "gen-completions" -d 'Writes the completions for bash, zsh and fish into a folder'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand help; and not __fish_seen_subcommand_from get create add list show files resume suspend cancel complete take set wait watch why daemon gen-man gen-completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand help; and __fish_seen_subcommand_from daemon" -f -a "run" -d 'Runs the service in the foreground'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand help; and __fish_seen_subcommand_from daemon" -f -a "status" -d 'Shows whether the service runs'
complete -c bgcopy -n "__fish_bgcopy_using_subcommand help; and __fish_seen_subcommand_from daemon" -f -a "stop" -d 'Stops the service'
