complete -c bgcopyd -l config -d 'The configuration; the usual one, where there is one, by default' -r -F
complete -c bgcopyd -l state-dir -d 'The folder of the queue; the usual one by default' -r -f -a "(__fish_complete_directories)"
complete -c bgcopyd -l log -d 'What is logged: error, warn, info, debug, trace, or a filter by module' -r
complete -c bgcopyd -l socket -d 'The service with its private socket at this path' -r -F
complete -c bgcopyd -l system -d 'The service of the whole machine, on the system bus'
complete -c bgcopyd -l session -d 'This user\'s own service, on the session bus'
complete -c bgcopyd -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bgcopyd -s V -l version -d 'Print version'
