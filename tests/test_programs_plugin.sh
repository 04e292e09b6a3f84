#!/bin/sh
# SPDX-License-Identifier: MIT
# test_programs_plugin.sh - a program in C++ under memlog run whose plug-in throws through it, is
# closed and loaded again; with threads, and with what a plug-in leaves behind.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/programs_common.sh"
need g++ g++

cat >plugin.h <<'END'
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>
struct failure : std::runtime_error {
    std::map<std::string, std::vector<int>> data;
    explicit failure(const std::string &what) : std::runtime_error(what) {}
    ~failure() override;
};
struct shape {
    virtual ~shape() = default;
    virtual double area() const = 0;
};
using make_shape = std::unique_ptr<shape>(int);
using work = int(int, void (*)(int));
END
cat >plugin.cc <<'END'
#include "plugin.h"
static std::map<int, std::string> of_plugin{ { 1, std::string(100, 'x') }, { 2, "two" } };
static thread_local std::vector<std::string> of_thread(100, std::string(50, 't'));
struct circle : shape {
    double r;
    std::string name = std::string(200, 'c');
    explicit circle(int r) : r(r) {}
    double area() const override { return 3 * r * r; }
};
extern "C" std::unique_ptr<shape> plugin_make(int r)
{
    of_thread.push_back("made");
    return std::make_unique<circle>(r);
}
extern "C" int plugin_work(int depth, void (*call)(int))
{
    std::vector<std::string> held(10, std::string(1000, 'h'));
    of_plugin[depth + 10] = held[3];
    if (depth == 0) {
        failure broken("deep down");
        for (int i = 0; i < 50; i++)
            broken.data["key " + std::to_string(i)] = std::vector<int>(i, i);
        throw broken;
    }
    try {
        call(depth - 1);
    } catch (const failure &) {
        if (depth % 2 == 0)
            throw;
        try {
            std::string().at(3);
        } catch (const std::out_of_range &) {
        }
        std::throw_with_nested(std::runtime_error("level " + std::to_string(depth)));
    } catch (const std::exception &) {
        throw failure("again " + std::to_string(depth));
    }
    return (int)held.size();
}
END
cat >program.cc <<'END'
#include "plugin.h"
#include <dlfcn.h>
#include <iostream>
#include <malloc.h>
#include <thread>
failure::~failure() = default;
static work *working;
static void call(int depth) { working(depth, call); }
static int round_of(int depth)
{
    try {
        std::vector<std::shared_ptr<std::string>> shared(50, std::make_shared<std::string>("s"));
        return working(depth, call);
    } catch (const failure &caught) {
        return 1000 + (int)caught.data.size();
    } catch (const std::exception &caught) {
        return (int)std::string(caught.what()).size();
    }
}
int main()
{
    size_t used = 0;
    for (int round = 0; round < 60; round++) {
        void *plugin = dlopen("./plugin.so", RTLD_NOW | RTLD_LOCAL);
        if (plugin == nullptr) {
            std::cout << dlerror() << "\n";
            return 1;
        }
        working = (work *)dlsym(plugin, "plugin_work");
        auto make = (make_shape *)dlsym(plugin, "plugin_make");
        std::vector<std::thread> threads;
        int results[4];
        for (int i = 0; i < 1; i++)
            results[i] = round_of(i + round % 5);
        for (int i = 1; i < 4; i++)
            threads.emplace_back([&results, i, make] {
                double area = make(i)->area();
                results[i] = (int)area;
            });
        for (auto &thread : threads)
            thread.join();
        {
            std::vector<std::unique_ptr<shape>> shapes;
            for (int i = 0; i < 200; i++)
                shapes.push_back(make(i));
        }
        for (int result : results)
            std::cout << result << ' ';
        std::cout << dlclose(plugin) << "\n";
        if (round == 20)
            used = mallinfo2().uordblks;
    }
    size_t later = mallinfo2().uordblks;
    std::cout << (later < used + 100000 ? "no" : "a") << " leak\n";
}
END
g++ -std=c++17 -O1 -fPIC -shared plugin.cc -o plugin.so && g++ -std=c++17 -O1 -rdynamic program.cc -o program -pthread ||
  { fail "it does not build"; finish; }
for where in without with; do
  $where plugin ./program
done
same plugin
test "$(wc -l <plugin.with)" = 62 || fail "it says: $(cat plugin.with)"
grep -qx 'no leak' plugin.with || fail "it says: $(tail -n 3 plugin.with)"
finish
