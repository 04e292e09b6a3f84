# SPDX-License-Identifier: MIT
# memlog.fish - memlog for fish: its commands, their options, and what those take.
#
# Commands and options, with what is said of them, are what the program says itself when this file is
# read (memlog help, memlog COMMAND --help). Only what can be written in an argument's place stands
# here.

# Columns of a log, as its header has them: all fields that are one number.
set -g __memlog_fields Alloc TotalAlloc Sys Lookups Mallocs Frees HeapAlloc HeapSys HeapIdle \
    HeapInuse HeapReleased HeapObjects StackInuse StackSys MSpanInuse MSpanSys MCacheInuse \
    MCacheSys BuckHashSys GCSys OtherSys NextGC LastGC PauseTotalNs NumGC NumForcedGC \
    GCCPUFraction EnableGC DebugGC LargeMallocs LargeFrees LargeMallocBytes LargeFreeBytes \
    FreesExplicit FreesSwept BytesFreedExplicit BytesFreedSwept LiveBytes LiveObjects \
    RootStackBytes RootDataBytes RootAddedBytes LastStopNs LastMarkNs GCCPUNs GCPercent Threads \
    RSS CgroupLimit LogSamples LogLost HeapReserved GCAlong GCConcurrent Pauses PauseLongestNs \
    MemoryLimit LimitGoal LimitHeldGC FinalizersRegistered FinalizersQueued FinalizersRun \
    WeakReferences PSS Swap MajFlt ProcessThreads Fds CgroupCurrent rss pss swap majflt \
    process_threads fds cgroup_current cgroup_limit

# The words of the command line that are finished, from memlog's first on.
function __memlog_words
    commandline -opc | tail -n +2
end

function __memlog_wants_command
    test (count (__memlog_words)) -eq 0
end

function __memlog_has_command
    set -l words (__memlog_words)
    test (count $words) -gt 0 && test "$words[1]" = $argv[1]
end

# Of memlog run: the words from the program's name on, once it is there.
function __memlog_program_words
    set -l words (__memlog_words)
    set -l place 2
    while test $place -le (count $words)
        set -l word $words[$place]
        if test "$word" = --
            set place (math $place + 1)
            break
        else if not string match -q -- '-*' $word
            break
        else if contains -- $word $__memlog_run_takes
            set place (math $place + 1)
        end
        set place (math $place + 1)
    end
    test $place -le (count $words) && string join \n -- $words[$place..-1]
end

function __memlog_run_has_program
    __memlog_has_command run && test (count (__memlog_program_words)) -gt 0
end

# What is behind the last comma, with what is before it.
function __memlog_columns
    set -l token (commandline -ct | string replace -r -- '^--[^=]*=' '')
    set -l before (string match -r -- '^.*,' $token)
    for field in $__memlog_fields
        echo $before$field
    end
end

function __memlog_zones
    echo UTC
    test -r /usr/share/zoneinfo/zone1970.tab &&
        string match -rv '^#' </usr/share/zoneinfo/zone1970.tab | string split -f 3 \t
end

# What an option takes, as arguments for `complete`, a line each.
function __memlog_argument -a command option argument
    switch "$command $option"
        case 'plot format'
            printf '%s\n' -xa 'png svg pdf html term dumb sixel window'
            return
        case 'export format'
            printf '%s\n' -xa 'csv json openmetrics'
            return
        case 'export time'
            printf '%s\n' -xa 'log iso'
            return
        case 'diff of'
            printf '%s\n' -xa '$__memlog_fields'
            return
        case '* from' '* to'
            echo -x
            return
        case 'plot align'
            printf '%s\n' -xa 'start clock'
            return
        case 'diff align'
            printf '%s\n' -xa start
            return
        case 'report run'
            printf '%s\n' -xa 'last all'
            return
        case 'collapse type'
            printf '%s\n' -xa 'inuse_space inuse_objects alloc_space alloc_objects'
            return
        case '* columns'
            printf '%s\n' -xa '(__memlog_columns)'
            return
    end
    switch $argument
        case FILE OUT
            echo -rF
        case UNIT
            printf '%s\n' -xa 'bytes KiB MiB GiB MB'
        case TIME
            printf '%s\n' -xa '100ms 1s 10s 1m 1h'
        case SIZE BYTES
            printf '%s\n' -xa '16MiB 64MiB 256MiB 1GiB'
        case COMMAND
            printf '%s\n' -xa '(__fish_complete_command)'
        case ZONE
            printf '%s\n' -xa '(__memlog_zones)'
        case '*'
            echo -x
    end
end

# One option of memlog COMMAND --help: "-o, --output=FILE", and what is said of it.
function __memlog_declare -a command names description
    set -l spellings (string split -- ', ' $names)
    set -l argument (string match -r -g -- '=([A-Za-z]+)' $names)
    set -l long (string replace -r -- '\[?=.*' '' $spellings[-1] | string replace -r -- '^--' '')
    set -l what -c memlog -n "__memlog_has_command $command"
    test $command = run && set what -c memlog \
        -n '__memlog_has_command run && not __memlog_run_has_program'
    for spelling in $spellings
        set -l name (string replace -r -- '\[?=.*' '' $spelling)
        if string match -q -- '--*' $name
            set -a what -l (string sub -s 3 -- $name)
        else
            set -a what -s (string sub -s 2 -- $name)
        end
        test $command = run -a -n "$argument" && set -ga __memlog_run_takes $name
    end
    # One that may be left out can only be written behind "=".
    if test -n "$argument" && not string match -q -- '*[=*' $names
        set -a what (__memlog_argument $command $long $argument)
    end
    complete $what -d "$description"
end

function __memlog_declare_options -a command
    set -l names ''
    set -l description
    for line in (memlog $command --help 2>/dev/null) ''
        set -l parts (string match -r -- '^ {2,6}(-.*?)(?:  +(.*))?$' $line)
        if test -z "$parts" && string match -qr '^ {12,}[^ ]' -- $line && test -n "$names"
            set -a description (string trim -- $line)
            continue
        end
        test -n "$names" && __memlog_declare $command $names "$description"
        set names $parts[2]
        set description $parts[3]
    end
end

# What the program that memlog run is to run takes.
function __memlog_complete_program
    set -l words (__memlog_program_words)
    complete -C (string join ' ' -- (string escape -- $words) (commandline -ct))
end

complete -c memlog -f
complete -c memlog -n __memlog_wants_command -s h -l help -d 'list the commands'
complete -c memlog -n __memlog_wants_command -s V -l version -d 'print which memlog this is'
set -g __memlog_run_takes

if command -q memlog
    for line in (memlog help 2>/dev/null)
        set -l parts (string match -r -- '^  ([a-z][a-z-]*) +(.+)$' $line)
        test (count $parts) -eq 3 || continue
        set -l command $parts[2]
        complete -c memlog -n __memlog_wants_command -a $command -d $parts[3]
        complete -c memlog -n '__memlog_has_command help' -a $command -d $parts[3]
        test $command = help || __memlog_declare_options $command
        # What a command takes that is no option.
        switch $command
            case run
                complete -c memlog -n '__memlog_has_command run && not __memlog_run_has_program' \
                    -xa '(__fish_complete_command)'
                complete -c memlog -n __memlog_run_has_program \
                    -xa '(__memlog_complete_program)'
            case attach stat
                complete -c memlog -n "__memlog_has_command $command" -xa '(__fish_complete_pids)'
            case help
                complete -c memlog -n '__memlog_has_command help' -a 'memory.log libmemlog'
            case '*'
                complete -c memlog -n "__memlog_has_command $command" -F
        end
    end
end
