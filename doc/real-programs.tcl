# SPDX-License-Identifier: MIT
# real-programs.tcl - lists, dictionaries, strings and procedures' frames that come
# and go: garbage of many times what is in use.
proc step {i} {
    upvar #0 kept kept
    set words [split "the $i th of a row of words that are split and joined again" " "]
    set d [dict create number $i words [lreverse $words] text [join $words -]]
    dict set kept [expr {$i % 5000}] $d
    return [string length [dict get $d text]]
}
set kept [dict create]
set sum 0
for {set i 0} {$i < 400000} {incr i} {
    incr sum [step $i]
}
puts $sum
