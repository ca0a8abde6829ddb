#include "plugin/follow.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "common/api/commit_test.h"
#include "common/kube/json_reader.h"
#include "common/kube/watch_decoder.h"

namespace committest::plugin {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr int kPageLimit = 500;
constexpr seconds kWatchTimeout{240};
constexpr seconds kPause{1};
constexpr seconds kPatience{300};
constexpr const char* kEnough = "Enough";

// The sink has seen enough: ends a stream, and is no error.
Error Enough() { return {ErrorCode::kCancelled, "seen enough", kEnough, std::nullopt}; }
bool IsEnough(const Error& error) { return error.reason == kEnough; }

bool CanPass(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kDeadlineExceeded ||
         error.code == ErrorCode::kResourceExhausted || error.code == ErrorCode::kDataLoss ||
         error.code == ErrorCode::kGone;
}

class Follower {
 public:
  Follower(kube::Lister& lister, kube::Watchable& watchable, const kube::Selection& selection,
           const FollowSink& sink)
      : lister_(lister), watchable_(watchable), selection_(selection), sink_(sink) {}

  // All pages; then `version_` is where a watch begins.
  Status List() {
    std::string token;
    bool enough = false;
    const auto take = [&](json&& object) { enough = enough || !sink_.on_object(object); };
    do {
      const auto page =
          lister_.List(api::CommitTestType(), selection_, kPageLimit, token, drop_, take);
      if (!page) return Fail(page.error());
      version_ = page->resource_version;
      token = page->continue_token;
    } while (!token.empty());
    if (enough || !sink_.on_listed()) return Fail(Enough());
    return {};
  }

  // Until the stream ends.
  Status Watch() {
    kube::WatchDecoder decoder(
        drop_, [this](kube::WatchEventType type, json&& object) { return Take(type, object); });
    return watchable_.Watch(
        api::CommitTestType(), selection_, version_, kWatchTimeout,
        [&](std::string_view bytes) { return decoder.Feed(bytes); }, std::stop_token());
  }

 private:
  Status Take(kube::WatchEventType type, const json& object) {
    version_ = kube::StringAt(kube::ObjectAt(object, "metadata"), "resourceVersion");
    if (type == kube::WatchEventType::kBookmark) return {};
    const bool go_on =
        type == kube::WatchEventType::kDeleted ? sink_.on_deleted(object) : sink_.on_object(object);
    return go_on ? Status() : Status(Fail(Enough()));
  }

  const std::vector<std::string> drop_{"metadata.managedFields"};
  kube::Lister& lister_;
  kube::Watchable& watchable_;
  const kube::Selection& selection_;
  const FollowSink& sink_;
  std::string version_;
};

}  // namespace

Status Follow(kube::Lister& lister, kube::Watchable& watchable, const kube::Selection& selection,
              const FollowSink& sink, const Clock& clock) {
  Follower follower(lister, watchable, selection, sink);
  bool must_list = true;
  bool is_first = true;
  MonotonicTime last_contact = clock.Monotonic();
  for (;;) {
    Status ended = must_list ? follower.List() : follower.Watch();
    if (ended) {
      must_list = is_first = false;
      last_contact = clock.Monotonic();
      continue;
    }
    const Error& error = ended.error();
    if (IsEnough(error)) return {};
    if (is_first || !CanPass(error)) return ended;
    if (clock.Monotonic() - last_contact > kPatience) return ended;
    // A watch that was open for long has been contact, too, but how it ended says nothing of now.
    must_list = true;
    if (error.code != ErrorCode::kGone) sink.on_trouble(error);
    clock.SleepFor(kPause, std::stop_token());
  }
}

}  // namespace committest::plugin
