// SPDX-License-Identifier: MIT
// prog_profile_cxx.cc - exceptions are thrown and caught through frames that allocate, also
// while a stack is unwound, and in threads; what is left is a known leak.
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include "memlog.h"

#pragma weak memlog_profile_write

struct Noisy {
    std::string text;
    explicit Noisy(int i) : text(static_cast<size_t>(100 + i % 50), 'x') {}
    ~Noisy() { std::vector<int> more(text.size()); sum += static_cast<long>(more.size()); }
    static thread_local long sum;
};
thread_local long Noisy::sum;

extern "C" __attribute__((noinline)) void thrower(int depth)
{
    Noisy noisy(depth);
    if (depth == 0)
        throw std::runtime_error("a text that is too long for the small string " + noisy.text);
    thrower(depth - 1);
}

extern "C" __attribute__((noinline)) char *leaky_factory(int i)
{
    return new char[static_cast<size_t>(5000 + i % 2)];
}

extern "C" __attribute__((noinline)) void work(int times)
{
    for (int i = 0; i < times; i++) {
        try {
            thrower(i % 20);
        } catch (const std::exception &caught) {
            Noisy::sum += caught.what()[0];
        }
        if (i % 10 == 0)
            Noisy::sum += leaky_factory(i) != nullptr;
    }
}

int main(int, char **argv)
{
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++)
        threads.emplace_back(work, 500);
    work(500);
    for (auto &thread : threads)
        thread.join();
    int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    return memlog_profile_write(fd, MEMLOG_PROFILE_PPROF) == 0 && close(fd) == 0 ? 0 : 1;
}
