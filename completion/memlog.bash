# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# memlog.bash - memlog for bash: its commands, their options, and what those take.
#
# Commands and options are what the program says itself (memlog help, memlog COMMAND --help), so
# that none is forgotten. Only what can be written in an argument's place stands here. Works with
# and without the package bash-completion.

# Columns of a log, as its header has them: all fields that are one number.
_memlog_fields='Alloc TotalAlloc Sys Lookups Mallocs Frees HeapAlloc HeapSys HeapIdle HeapInuse
  HeapReleased HeapObjects StackInuse StackSys MSpanInuse MSpanSys MCacheInuse MCacheSys BuckHashSys
  GCSys OtherSys NextGC LastGC PauseTotalNs NumGC NumForcedGC GCCPUFraction EnableGC DebugGC
  LargeMallocs LargeFrees LargeMallocBytes LargeFreeBytes FreesExplicit FreesSwept
  BytesFreedExplicit BytesFreedSwept LiveBytes LiveObjects RootStackBytes RootDataBytes
  RootAddedBytes LastStopNs LastMarkNs GCCPUNs GCPercent Threads RSS CgroupLimit LogSamples LogLost
  HeapReserved GCAlong GCConcurrent Pauses PauseLongestNs MemoryLimit LimitGoal LimitHeldGC
  FinalizersRegistered FinalizersQueued FinalizersRun WeakReferences PSS Swap MajFlt ProcessThreads
  Fds CgroupCurrent rss pss swap majflt process_threads fds cgroup_current cgroup_limit'

_memlog_commands() {
    local word rest
    while IFS=' ' read -r word rest; do
        [[ $word == memlog || $word == usage: || -z $rest ]] || echo "$word"
    done < <("$1" help 2>/dev/null)
}

# _memlog_options PROGRAM COMMAND: a line for each spelling of each option: the spelling, the
# option's long name, its argument's name ("-": none; "[N]": it may be left out).
_memlog_options() {
    local line names argument name
    local one='^(--?[^][ ,=]+)(\[?=([A-Za-z]+)[^ ,]*)?(, )?(.*)$'
    while IFS= read -r line; do
        [[ $line =~ ^' '{2,6}(-.*)$ ]] || continue
        line=${BASH_REMATCH[1]} names=() argument=-
        while [[ $line =~ $one ]]; do
            names+=("${BASH_REMATCH[1]}") line=${BASH_REMATCH[5]}
            [[ -z ${BASH_REMATCH[3]} ]] || argument=${BASH_REMATCH[3]}
            [[ ${BASH_REMATCH[2]} != '['* ]] || argument="[$argument]"
            [[ -n ${BASH_REMATCH[4]} ]] || break
        done
        for name in "${names[@]}"; do
            echo "$name ${names[-1]} $argument"
        done
    done < <("$1" "$2" --help 2>/dev/null)
}

# Into COMPREPLY what begins with $1, of the words behind it.
_memlog_words() {
    local begin=$1
    shift
    mapfile -t COMPREPLY < <(compgen -W "$*" -- "$begin")
}

# Files, those that one of the patterns fits where there are any.
_memlog_files() {
    local begin=$1 pattern
    local -a found=()
    shift
    for pattern; do
        mapfile -t -O "${#found[@]}" found < <(compgen -f -X "!$pattern" -- "$begin")
    done
    if ((${#found[@]} == 0)); then
        mapfile -t found < <(compgen -f -- "$begin")
    else
        mapfile -t -O "${#found[@]}" found < <(compgen -d -- "$begin")
    fi
    COMPREPLY=("${found[@]}")
    compopt -o filenames 2>/dev/null
}

_memlog_columns() {
    local before= last=$1
    [[ $last != *,* ]] || before=${last%,*}, last=${last##*,}
    _memlog_words "$last" "$_memlog_fields"
    COMPREPLY=("${COMPREPLY[@]/#/$before}")
    compopt -o nospace 2>/dev/null
}

_memlog_zones() {
    local place zones='UTC'
    if [[ -r /usr/share/zoneinfo/zone1970.tab ]]; then
        while IFS=$'\t' read -r _ _ place _; do
            [[ -z $place ]] || zones+=" $place"
        done < <(grep -v '^#' /usr/share/zoneinfo/zone1970.tab)
    fi
    _memlog_words "$1" "$zones"
}

# _memlog_argument COMMAND OPTION ARGUMENT BEGIN: what an option takes.
_memlog_argument() {
    local begin=$4
    case "$1 $2" in
    'plot --format') _memlog_words "$begin" png svg pdf html term dumb sixel window ; return ;;
    'export --format') _memlog_words "$begin" csv json openmetrics ; return ;;
    'export --time') _memlog_words "$begin" log iso ; return ;;
    'plot --align') _memlog_words "$begin" start clock ; return ;;
    'diff --align') _memlog_words "$begin" start ; return ;;
    'report --run') _memlog_words "$begin" last all ; return ;;
    'collapse --type')
        _memlog_words "$begin" inuse_space inuse_objects alloc_space alloc_objects
        return ;;
    *' --from' | *' --to') return ;; # a moment: there are too many
    'diff --of') _memlog_words "$begin" "$_memlog_fields" ; return ;;
    *' --columns') _memlog_columns "$begin" ; return ;;
    esac
    case $3 in
    FILE | OUT) _memlog_files "$begin" ;;
    UNIT) _memlog_words "$begin" bytes KiB MiB GiB MB ;;
    TIME) _memlog_words "$begin" 100ms 1s 10s 1m 1h ;;
    SIZE | BYTES) _memlog_words "$begin" 16MiB 64MiB 256MiB 1GiB ;;
    COMMAND) mapfile -t COMPREPLY < <(compgen -c -- "$begin") ;;
    ZONE) _memlog_zones "$begin" ;;
    esac
}

# _memlog_operand PROGRAM COMMAND BEGIN: what a command takes that is no option.
_memlog_operand() {
    case $2 in
    run)
        mapfile -t COMPREPLY < <(compgen -c -- "$3")
        [[ $3 != */* ]] || _memlog_files "$3"
        ;;
    attach | stat) _memlog_words "$3" "$(cd /proc && echo [0-9]*)" ;;
    core) _memlog_files "$3" '*core' '*core.*' 'core*' ;;
    collapse) _memlog_files "$3" '*.heap*' '*.pb.gz' ;;
    help) _memlog_words "$3" "$(_memlog_commands "$1")" memory.log libmemlog ;;
    *) _memlog_files "$3" '*.log' '*.log.*' ;;
    esac
}

# Where the program's name stands that memlog run is to run: behind the options; or 0.
_memlog_program_place() {
    local -i place
    local word
    for ((place = 2; place < COMP_CWORD; place++)); do
        word=${COMP_WORDS[place]}
        if [[ $word == -- ]]; then
            echo $((place + 1))
            return
        elif [[ ${COMP_WORDS[place + 1]-} == '=' ]]; then
            place+=2 # and the word behind it
        elif [[ $word == -* ]]; then
            [[ ${arguments[$word]--} == [-[]* ]] || place+=1
        else
            echo "$place"
            return
        fi
    done
    echo 0
}

_memlog() {
    local program=$1 begin=$2 before=$3 command=${COMP_WORDS[1]-}
    local spelling long argument option=
    local -i place
    local -A arguments=() longs=()
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        _memlog_words "$begin" "$(_memlog_commands "$program")" --help --version
        return
    fi
    while read -r spelling long argument; do
        arguments[$spelling]=$argument longs[$spelling]=$long
    done < <(_memlog_options "$program" "$command")

    if [[ $command == run ]]; then
        place=$(_memlog_program_place)
        if ((place != 0 && place < COMP_CWORD)); then
            if declare -F _command_offset >/dev/null; then
                _command_offset "$place"
            else
                _memlog_files "$begin"
            fi
            return
        fi
    fi

    # "--unit=Ki" comes as three words, with the default COMP_WORDBREAKS.
    if [[ $begin == '=' ]]; then
        option=$before begin=
    elif [[ $before == '=' ]]; then
        option=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ $before == -* && ${arguments[$before]--} != [-[]* ]]; then
        option=$before
    fi
    if [[ -n $option ]]; then
        argument=${arguments[$option]--}
        _memlog_argument "$command" "${longs[$option]-}" "${argument//[][]/}" "$begin"
    elif [[ $begin == -* ]]; then
        _memlog_words "$begin" "${!arguments[@]}"
        # What wants an argument is not finished yet.
        if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == --* &&
            ${arguments[${COMPREPLY[0]}]} != [-[]* ]]; then
            COMPREPLY[0]+==
            compopt -o nospace 2>/dev/null
        fi
    else
        _memlog_operand "$program" "$command" "$begin"
    fi
}

complete -F _memlog memlog
