#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <rapidcheck.h>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "common/kube/work_queue.h"
#include "tests/support/manual_clock.h"

namespace committest::kube {
namespace {

using std::chrono::seconds;

// The queue as one would write it with no regard to speed: a key is due by itself or at a time, and
// is handed out when it is due and not being processed.
class Model {
 public:
  void Add(const ObjectKey& key) {
    if (!dirty_.insert(key).second || processing_.contains(key)) return;
    line_.push_back(key);
  }
  void AddAfter(const ObjectKey& key, MonotonicTime due) {
    const auto [it, inserted] = due_.try_emplace(key, due);
    if (!inserted) it->second = std::min(it->second, due);
  }
  std::optional<ObjectKey> TryGet(MonotonicTime now) {
    Promote(now);
    if (line_.empty()) return std::nullopt;
    const ObjectKey key = line_.front();
    line_.pop_front();
    dirty_.erase(key);
    processing_.insert(key);
    return key;
  }
  void Done(const ObjectKey& key) {
    processing_.erase(key);
    if (dirty_.contains(key)) line_.push_back(key);
  }
  const std::set<ObjectKey>& Processing() const { return processing_; }
  bool Idle() const { return line_.empty() && due_.empty() && dirty_.empty(); }

 private:
  void Promote(MonotonicTime now) {
    std::vector<std::pair<MonotonicTime, ObjectKey>> ready;
    for (const auto& [key, due] : due_) {
      if (due <= now) ready.emplace_back(due, key);
    }
    std::ranges::sort(ready);
    for (const auto& [due, key] : ready) {
      due_.erase(key);
      Add(key);
    }
  }

  std::deque<ObjectKey> line_;
  std::set<ObjectKey> dirty_;
  std::set<ObjectKey> processing_;
  std::map<ObjectKey, MonotonicTime> due_;
};

struct Operation {
  int kind;
  int key;
  int delay;
};

void showValue(const Operation& operation, std::ostream& out) {
  static const std::vector<std::string> kNames{"Add", "AddAfter", "TryGet", "Done", "Advance"};
  out << kNames.at(static_cast<std::size_t>(operation.kind)) << "(" << operation.key << ", "
      << operation.delay << " s)";
}

rc::Gen<Operation> AnyOperation() {
  return rc::gen::construct<Operation>(rc::gen::inRange(0, 5), rc::gen::inRange(0, 4),
                                       rc::gen::inRange(-1, 10));
}

ObjectKey Key(int number) { return {"ns", std::to_string(number)}; }

RC_GTEST_PROP(WorkQueueProperty, BehavesAsItsModel, ()) {
  ManualClock clock;
  WorkQueue queue(clock);
  Model model;
  const auto operations =
      *rc::gen::container<std::vector<Operation>>(AnyOperation()).as("operations");
  for (const Operation& operation : operations) {
    const ObjectKey key = Key(operation.key);
    switch (operation.kind) {
      case 0:
        queue.Add(key);
        model.Add(key);
        break;
      case 1:
        queue.AddAfter(key, seconds(operation.delay));
        if (operation.delay <= 0) {
          model.Add(key);
        } else {
          model.AddAfter(key, clock.Monotonic() + seconds(operation.delay));
        }
        break;
      case 2:
        RC_ASSERT(queue.TryGet() == model.TryGet(clock.Monotonic()));
        break;
      case 3:
        if (!model.Processing().contains(key)) break;
        queue.Done(key);
        model.Done(key);
        break;
      default:
        clock.Advance(seconds(operation.delay + 1));
        break;
    }
  }
  for (const ObjectKey& key : std::set(model.Processing())) {
    queue.Done(key);
    model.Done(key);
  }
  clock.Advance(seconds(100));
  while (const auto expected = model.TryGet(clock.Monotonic())) {
    RC_ASSERT(queue.TryGet() == expected);
    queue.Done(*expected);
    model.Done(*expected);
  }
  RC_ASSERT(model.Idle());
  RC_ASSERT(queue.TryGet() == std::nullopt);
  RC_ASSERT(queue.NextDue() == std::nullopt);
}

}  // namespace
}  // namespace committest::kube
