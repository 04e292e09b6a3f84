// SPDX-License-Identifier: MIT
// prog_preload_new.cc - C++ with the preload library: new and delete of all kinds, what
// happens without memory, and the containers. Says what is wrong.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <malloc.h>

#include "memlog_stats.h"

#pragma weak memlog_read_memstats

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    std::printf("does not hold: %s\n", what);
    std::fflush(stdout);
    std::_Exit(1);
}

static uint64_t alloc_now()
{
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    return stats.alloc;
}

struct alignas(256) wide {
    char bytes[300];
};
struct counted {
    static int alive;
    counted() { alive++; }
    ~counted() { alive--; }
};
int counted::alive;

static volatile std::size_t too_much = PTRDIFF_MAX - 100;

static void every_form()
{
    uint64_t before = alloc_now();
    delete new int(5);
    delete[] new int[500];
    wide *one = new wide, *many = new wide[3];
    check(reinterpret_cast<uintptr_t>(one) % 256 == 0, "an aligned object is aligned");
    check(reinterpret_cast<uintptr_t>(many) % 256 == 0, "an aligned array is aligned");
    delete one;
    delete[] many;
    one = new (std::nothrow) wide;
    check(one != nullptr && reinterpret_cast<uintptr_t>(one) % 256 == 0, "nothrow is aligned");
    ::operator delete(one, std::align_val_t(256), std::nothrow);
    ::operator delete(::operator new(70, std::nothrow), std::nothrow);
    ::operator delete[](::operator new[](70, std::nothrow), std::nothrow);
    ::operator delete(::operator new(100), std::size_t(7)); // a lie
    ::operator delete[](::operator new[](100), std::size_t(70000));
    ::operator delete(std::malloc(100)); // from the other door
    std::free(::operator new(100));
    delete[] new counted[10];
    check(counted::alive == 0, "destructors run");
    check(::operator new(0) != nullptr, "nothing is a pointer");
    check(alloc_now() - before <= 16, "all is freed again, but for that");
}

static int handler_calls;
static void *reserve;
static void count_calls()
{
    if (++handler_calls >= 3)
        std::set_new_handler(nullptr);
}
static void throw_other() { throw std::bad_alloc(); }

template <typename function> static bool throws_bad_alloc(function act)
{
    try {
        act();
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}

static void without_memory()
{
    check(throws_bad_alloc([] { (void)::operator new(too_much); }), "new throws");
    check(throws_bad_alloc([] { (void)::operator new[](too_much); }), "new[] throws");
    check(throws_bad_alloc([] { (void)::operator new(too_much, std::align_val_t(64)); }),
          "aligned new throws");
    check(throws_bad_alloc([] { std::vector<char> v; v.resize(too_much); }), "a vector throws");
    check(::operator new(too_much, std::nothrow) == nullptr, "nothrow gives nothing");
    check(::operator new(too_much, std::align_val_t(64), std::nothrow) == nullptr,
          "aligned nothrow gives nothing");

    std::set_new_handler(count_calls);
    check(throws_bad_alloc([] { (void)::operator new(too_much); }), "new throws after the handler");
    check(handler_calls == 3, "the handler is called until it gives up");
    handler_calls = 0;
    std::set_new_handler(count_calls);
    check(::operator new(too_much, std::nothrow) == nullptr && handler_calls == 3,
          "nothrow calls the handler too");
    std::set_new_handler(throw_other);
    check(::operator new[](too_much, std::nothrow) == nullptr,
          "what the handler throws ends with nothrow");
    check(::operator new(too_much, std::align_val_t(64), std::nothrow) == nullptr,
          "and with aligned nothrow");
    std::set_new_handler(nullptr);
}

static void containers()
{
    std::map<std::string, std::vector<std::unique_ptr<std::string>>> names;
    for (int i = 0; i < 20000; i++)
        names["name " + std::to_string(i % 500)].push_back(
            std::make_unique<std::string>(std::string(static_cast<std::size_t>(i % 300), 'x')));
    std::size_t length = 0;
    for (const auto &entry : names)
        for (const auto &text : entry.second)
            length += text->size();
    check(length == [] { std::size_t n = 0; for (int i = 0; i < 20000; i++) n += i % 300u; return n; }(),
          "containers hold what was put in");
}

static thread_local std::string of_thread;

int main()
{
    if (memlog_read_memstats == nullptr) {
        std::printf("runs without the library\n");
        return 1;
    }
    every_form();
    without_memory();
    uint64_t before = alloc_now();
    for (int i = 0; i < 4; i++) {
        std::vector<std::thread> threads;
        for (int k = 0; k < 3; k++)
            threads.emplace_back([] {
                of_thread.assign(1000, 'y'); // freed when the thread is nearly gone
                containers();
            });
        for (std::thread &thread : threads)
            thread.join();
    }
    check(alloc_now() < before + 100000, "threads leave nothing");
    return 0;
}
