# SPDX-License-Identifier: MIT
# real-programs.awk - strings, fields and array elements that come and go: garbage
# of many times what is in use.
BEGIN {
    for (i = 0; i < 4000000; i++) {
        key = i % 20000
        text[key] = substr(text[key] " " i, length(text[key]) > 200 ? 101 : 1)
        if (i % 7 == 0)
            delete text[(i * 31) % 20000]
        if (i % 5 == 0)
            n += split(text[key], words)
    }
    print n
}
