# rtplat completion for fish
complete -c rtplat -f
complete -c rtplat -n 'not __fish_seen_subcommand_from probe report completion help' -a 'probe' -d 'send RTP: it\'s [measured]'
complete -c rtplat -n 'not __fish_seen_subcommand_from probe report completion help' -a 'report' -d 'show runs'
complete -c rtplat -n 'not __fish_seen_subcommand_from probe report completion help' -a 'completion' -d 'print the script that completes commands, options, their values and file names in a shell'
complete -c rtplat -n 'not __fish_seen_subcommand_from probe report completion help' -a 'help' -d 'display help for command'
complete -c rtplat -n 'not __fish_seen_subcommand_from probe report completion help' -s V -l version -d 'output the version number'
complete -c rtplat -n 'not __fish_seen_subcommand_from probe report completion help' -s h -l help -d 'display help for command'
complete -c rtplat -n '__fish_seen_subcommand_from probe' -s p -l ptime -r -d 'time between packets, the codec\'s [20ms]'
complete -c rtplat -n '__fish_seen_subcommand_from probe' -l out -r -F -d 'run file'
complete -c rtplat -n '__fish_seen_subcommand_from probe' -l engine -r -a 'portable batch' -d 'UDP engine'
complete -c rtplat -n '__fish_seen_subcommand_from probe' -l json -d 'print JSON'
complete -c rtplat -n '__fish_seen_subcommand_from probe' -s h -l help -d 'display help for command'
complete -c rtplat -n '__fish_seen_subcommand_from report' -s h -l help -d 'display help for command'
complete -c rtplat -n '__fish_seen_subcommand_from report' -F
complete -c rtplat -n '__fish_seen_subcommand_from completion' -s h -l help -d 'display help for command'
complete -c rtplat -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'
complete -c rtplat -n '__fish_seen_subcommand_from help' -a 'probe report completion'
