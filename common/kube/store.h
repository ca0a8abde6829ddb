#pragma once

#include <functional>
#include <memory>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/kube/object.h"

namespace committest::kube {

/// The last known state of the selected objects of one kind. A watcher writes, any number of
/// threads read. Objects are immutable: a change swaps the pointer, so a reader may keep what it
/// got. `T` has a member `ObjectMeta meta`. Thread-safe.
///
/// Handlers are told only keys' objects that changed (the new one, and the old one), after the
/// store shows the change; they must only enqueue keys, and are called on the watcher's thread
/// without a lock held.
template <typename T>
class Store {
 public:
  using Ptr = std::shared_ptr<const T>;
  /// `before` is null for an added object, `after` for a deleted one.
  using Handler = std::function<void(const Ptr& before, const Ptr& after)>;

  /// Not thread-safe against the writer half: add handlers before the watcher starts.
  void AddHandler(Handler handler) { handlers_.push_back(std::move(handler)); }

  // Reader half.

  Ptr Get(const ObjectKey& key) const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const auto it = objects_.find(key);
    return it == objects_.end() ? nullptr : *it;
  }

  /// All objects, in the order of their keys.
  std::vector<Ptr> List() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return {objects_.begin(), objects_.end()};
  }

  std::size_t Size() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return objects_.size();
  }

  // Writer half.

  void Put(const Ptr& object) EXCLUDES(mutex_) {
    Ptr before;
    {
      MutexLock lock(mutex_);
      before = PutLocked(object);
    }
    Notify(before, object);
  }

  void Remove(const ObjectKey& key) EXCLUDES(mutex_) {
    Ptr before;
    {
      MutexLock lock(mutex_);
      const auto it = objects_.find(key);
      if (it == objects_.end()) return;
      before = *it;
      objects_.erase(it);
    }
    Notify(before, nullptr);
  }

  /// Swaps in the result of a whole LIST: what is absent from `objects` counts as deleted.
  void Replace(const std::vector<Ptr>& objects) EXCLUDES(mutex_) {
    const Objects next(objects.begin(), objects.end());
    std::vector<std::pair<Ptr, Ptr>> changes;
    {
      MutexLock lock(mutex_);
      for (const Ptr& object : next) {
        Ptr before = PutLocked(object);
        if (!before || before->meta.resource_version != object->meta.resource_version) {
          changes.emplace_back(std::move(before), object);
        }
      }
      std::erase_if(objects_, [&](const Ptr& object) {
        const bool is_gone = !next.contains(object);
        if (is_gone) changes.emplace_back(object, nullptr);
        return is_gone;
      });
    }
    for (const auto& [before, after] : changes) Notify(before, after);
  }

 private:
  /// By what the objects say of themselves, so that no key is held twice.
  struct ByKey {
    using is_transparent = void;

    static auto Of(const Ptr& object) {
      return std::tie(object->meta.namespace_, object->meta.name);
    }
    static auto Of(const ObjectKey& key) { return std::tie(key.namespace_, key.name); }
    bool operator()(const auto& left, const auto& right) const { return Of(left) < Of(right); }
  };
  using Objects = std::set<Ptr, ByKey>;

  /// What stood in its place.
  Ptr PutLocked(const Ptr& object) REQUIRES(mutex_) {
    const auto [it, is_new] = objects_.insert(object);
    if (is_new) return nullptr;
    Ptr before = *it;
    objects_.insert(objects_.erase(it), object);
    return before;
  }

  void Notify(const Ptr& before, const Ptr& after) const {
    for (const Handler& handler : handlers_) handler(before, after);
  }

  mutable Mutex mutex_;
  Objects objects_ GUARDED_BY(mutex_);
  std::vector<Handler> handlers_;
};

}  // namespace committest::kube
