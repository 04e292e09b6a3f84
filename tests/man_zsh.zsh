# SPDX-License-Identifier: MIT
# man_zsh.zsh FOLDER LINE... - for each line "== LINE" and what zsh, with the completion in that
# folder, lists for it after Tab, in a terminal of its own. For test_man_completion.sh.
zmodload zsh/zpty || exit 77
folder=$1
shift

# send WORDS, as typed.
send() { zpty -w -n shell "$1" }
# Read on, into said, up to the prompt of that number.
expect() { zpty -r shell said "*<<$1>>*" }

TERM=dumb zpty shell zsh -f -i
send $'unsetopt prompt_sp; LISTMAX=100000; stty columns 300 rows 500\r'
send "fpath=(${(q)folder} \$fpath)"$'\r'
send "autoload -Uz compinit; compinit -u -d ${(q)ZDOTDIR}/dump; bindkey -e"$'\r'
# When the prompt is there the line editor is: what is typed earlier would come to nobody. Each prompt
# has a number of its own, as it is also drawn again below a list.
send $'precmd() { PS1="<<$((++prompts))>>" }\r'
integer prompts=1
expect 1 || exit 1
for line; do
  print -r -- "== $line"
  # The second Tab lists, where the first one has only added what all have. Then the line is dropped.
  send "$line"$'\t\t\x15\r'
  expect $((++prompts)) || exit 1
  print -r -- "$said"
done
zpty -d shell
