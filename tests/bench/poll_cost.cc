// Measures what a look at an unchanged repository costs. Prints JSON:
//   - "client": the observer's own client against a server that costs nothing: CPU of the asking
//     thread per look, and so looks per second and core;
//   - "threads": the same by as many threads as the observer has for one host, all on one processor
//     and the server on another: CPU of the process;
//   - "refs": against a real server (`git http-backend`) with repositories of 100, 10,000 and 100,000
//     refs: bytes of HTTP in both directions, wall time and CPU of the asking side (not the server's)
//     per look, by us, by `git ls-remote URL HEAD` and by libgit2's listing, in turns.
//
//     build/release/bin/poll-cost [LOOKS [ROUNDS]]
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <git2.h>
#include <iostream>
#include <memory>
#include <sched.h>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/clock.h"
#include "common/http/network.h"
#include "observer/http_refs.h"
#include "tests/bench/byte_relay.h"
#include "tests/support/command.h"
#include "tests/support/git_server.h"

namespace committest::bench {
namespace {

using nlohmann::json;
using observer::HttpRefs;
using Seconds = std::chrono::duration<double>;

double ThreadCpu() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double ProcessCpu() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// Of child processes that have been waited for, and theirs.
double ChildrenCpu() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void Require(bool is_good, const std::string& what) {
  if (is_good) return;
  std::cerr << "poll-cost: " << what << "\n";
  std::exit(1);
}

// Our client, as the observer makes it.
class Ours {
 public:
  Ours() {
    http::NetworkOptions options;
    options.addresses = *http::ParseAddressPolicy({"127.0.0.1"});
    network_ = std::make_shared<http::Network>(options, clock_);
    refs_ = std::make_unique<HttpRefs>(
        observer::HttpRefsOptions{},
        [this](const std::string& endpoint, const std::string&) {
          http::ClientOptions client;
          client.endpoint = endpoint;
          client.max_in_flight = 32;
          return http::MakeGuardedClient(std::move(client), network_, clock_);
        },
        clock_, std::stop_token());
  }

  void Look(const std::string& url) {
    const auto parsed = git::CheckUrl(url, {.allow_http = true});
    const auto refs = refs_->List(*parsed, {}, {});
    Require(refs && refs->refs.size() == 1, refs ? "no ref" : refs.error().message);
  }

 private:
  const SystemClock clock_;
  std::shared_ptr<http::Network> network_;
  std::unique_ptr<HttpRefs> refs_;
};

void LookByGit(const std::string& url) {
  const auto end = testing::RunCommand(
      {"git", "ls-remote", "--quiet", url, "HEAD"},
      {.environment = {{"PATH", "/usr/bin:/bin"}, {"GIT_CONFIG_NOSYSTEM", "1"}, {"HOME", "/"}},
       .directory = {},
       .timeout = std::chrono::minutes(1)});
  Require(end.exit_code == 0, "git ls-remote: " + end.output);
}

void LookByLibgit2(const std::string& url) {
  git_remote* remote = nullptr;
  Require(git_remote_create_detached(&remote, url.c_str()) == 0, "git_remote_create_detached");
  git_remote_callbacks callbacks{};
  git_remote_init_callbacks(&callbacks, GIT_REMOTE_CALLBACKS_VERSION);
  Require(git_remote_connect(remote, GIT_DIRECTION_FETCH, &callbacks, nullptr, nullptr) == 0,
          "git_remote_connect");
  const git_remote_head** heads = nullptr;
  std::size_t count = 0;
  Require(git_remote_ls(&heads, &count, remote) == 0 && count > 0, "git_remote_ls");
  git_remote_free(remote);
}

struct Samples {
  std::vector<double> bytes;
  std::vector<double> wall_ms;
  std::vector<double> cpu_ms;
};

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void Measure(Samples& samples, const ByteRelay& relay, const std::function<void()>& look) {
  const std::uint64_t bytes = relay.Bytes();
  const double cpu = ThreadCpu() + ChildrenCpu();
  const auto start = std::chrono::steady_clock::now();
  look();
  samples.wall_ms.push_back(Seconds(std::chrono::steady_clock::now() - start).count() * 1e3);
  samples.cpu_ms.push_back((ThreadCpu() + ChildrenCpu() - cpu) * 1e3);
  samples.bytes.push_back(static_cast<double>(relay.Bytes() - bytes));
}

json Report(const Samples& samples) {
  return {{"bytes", Median(samples.bytes)},
          {"wall_ms", Median(samples.wall_ms)},
          {"cpu_ms", Median(samples.cpu_ms)}};
}

void MakeRefs(const testing::GitRepository& repository, int count) {
  const std::string commit = repository.Git({"rev-parse", "HEAD"});
  std::ofstream packed(repository.path() / ".git/packed-refs");
  packed << "# pack-refs with: peeled fully-peeled sorted \n";
  for (int i = 0; i < count - 1; ++i) {
    const std::string number = std::to_string(1'000'000 + i);
    packed << commit << " refs/heads/topic/a-branch-of-somebody-" << number << "\n";
  }
}

// The server that costs nothing, and repositories there that have been looked at once.
class Canned {
 public:
  explicit Canned(Ours& ours)
      : ours_(ours),
        server_({COMMITTEST_CANNED_GIT_SERVER},
                {.environment = {}, .directory = {}, .timeout = std::chrono::hours(1)}) {
    Require(server_.WaitForOutput("\n"), "the server does not start");
    origin_ = "http://127.0.0.1:" + std::to_string(std::stoi(server_.Output()));
    for (int i = 0; i < kRepositories; ++i) Look(i);
  }

  void Look(int i) {
    ours_.Look(origin_ + "/team/app-" + std::to_string(i % kRepositories) + ".git");
  }

 private:
  static constexpr int kRepositories = 1000;

  Ours& ours_;
  testing::Command server_;
  std::string origin_;
};

json MeasureClient(int looks) {
  Ours ours;
  Canned canned(ours);
  const double cpu = ThreadCpu();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < looks; ++i) canned.Look(i);
  const double spent = ThreadCpu() - cpu;
  const double wall = Seconds(std::chrono::steady_clock::now() - start).count();
  return {{"looks", looks},
          {"cpu_us_per_look", spent / looks * 1e6},
          {"looks_per_second_and_core", looks / spent},
          {"looks_per_second_one_thread", looks / wall}};
}

// Where this thread, and what it starts from now on, runs.
void RunOn(const cpu_set_t& cpus) {
  Require(sched_setaffinity(0, sizeof cpus, &cpus) == 0, "the processors cannot be chosen");
}

cpu_set_t Cpu(int number) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(static_cast<unsigned>(number), &cpus);
  return cpus;
}

// All threads on one processor, the server on another.
json MeasureThreads(int looks, int threads) {
  cpu_set_t all;
  Require(sched_getaffinity(0, sizeof all, &all) == 0, "the processors are not known");
  Ours ours;
  RunOn(Cpu(1));
  Canned canned(ours);
  RunOn(Cpu(0));
  const double cpu = ProcessCpu();
  const auto start = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> askers;
    for (int thread = 0; thread < threads; ++thread) {
      askers.emplace_back([&canned, thread, looks, threads] {
        for (int i = thread; i < looks; i += threads) canned.Look(i);
      });
    }
  }
  const double spent = ProcessCpu() - cpu;
  const double wall = Seconds(std::chrono::steady_clock::now() - start).count();
  RunOn(all);
  return {{"threads", threads},
          {"cpu_us_per_look", spent / looks * 1e6},
          {"looks_per_second_and_core", looks / spent},
          {"looks_per_second", looks / wall}};
}

json MeasureRefs(int rounds) {
  const testing::GitServer server;
  const ByteRelay relay(static_cast<std::uint16_t>(server.port()));
  Ours ours;
  json report;
  for (const int count : {100, 10'000, 100'000}) {
    const std::string name = "refs-" + std::to_string(count);
    testing::GitRepository repository = server.CreateRepository(name);
    repository.Commit({{"file", "1"}});
    MakeRefs(repository, count);
    const std::string path = server.Url(name).substr(server.Url(name).find('/', 7));
    const std::string url = "http://127.0.0.1:" + std::to_string(relay.Port()) + path;
    Samples by_us;
    Samples by_git;
    Samples by_libgit2;
    for (int round = 0; round <= rounds; ++round) {
      if (round == 1) by_us = by_git = by_libgit2 = {};  // The first warms up.
      Measure(by_us, relay, [&] { ours.Look(url); });
      Measure(by_git, relay, [&] { LookByGit(url); });
      Measure(by_libgit2, relay, [&] { LookByLibgit2(url); });
    }
    report[std::to_string(count)] = {{"observer", Report(by_us)},
                                     {"git ls-remote", Report(by_git)},
                                     {"libgit2", Report(by_libgit2)}};
  }
  return report;
}

}  // namespace
}  // namespace committest::bench

int main(int argc, char** argv) {
  const int looks = argc > 1 ? std::atoi(argv[1]) : 20'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 7;
  git_libgit2_init();
  const nlohmann::json report = {{"client", committest::bench::MeasureClient(looks)},
                                 {"threads", committest::bench::MeasureThreads(looks, 16)},
                                 {"refs", committest::bench::MeasureRefs(rounds)}};
  git_libgit2_shutdown();
  std::cout << report.dump(2) << std::endl;
  return 0;
}
