#pragma once

#include <functional>
#include <map>
#include <memory>
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
    return it == objects_.end() ? nullptr : it->second;
  }

  /// All objects, in the order of their keys.
  std::vector<Ptr> List() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    std::vector<Ptr> all;
    all.reserve(objects_.size());
    for (const auto& [key, object] : objects_) all.push_back(object);
    return all;
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
      before = std::exchange(objects_[object->meta.Key()], object);
    }
    Notify(before, object);
  }

  void Remove(const ObjectKey& key) EXCLUDES(mutex_) {
    Ptr before;
    {
      MutexLock lock(mutex_);
      const auto it = objects_.find(key);
      if (it == objects_.end()) return;
      before = std::move(it->second);
      objects_.erase(it);
    }
    Notify(before, nullptr);
  }

  /// Swaps in the result of a whole LIST: what is absent from `objects` counts as deleted.
  void Replace(std::vector<Ptr> objects) EXCLUDES(mutex_) {
    std::map<ObjectKey, Ptr> next;
    for (Ptr& object : objects) next[object->meta.Key()] = std::move(object);
    std::map<ObjectKey, Ptr> before;
    {
      MutexLock lock(mutex_);
      before = std::exchange(objects_, next);
    }
    for (const auto& [key, object] : next) {
      const auto old = before.find(key);
      const Ptr previous = old == before.end() ? nullptr : old->second;
      if (!previous || previous->meta.resource_version != object->meta.resource_version) {
        Notify(previous, object);
      }
    }
    for (const auto& [key, object] : before) {
      if (!next.contains(key)) Notify(object, nullptr);
    }
  }

 private:
  void Notify(const Ptr& before, const Ptr& after) const {
    for (const Handler& handler : handlers_) handler(before, after);
  }

  mutable Mutex mutex_;
  std::map<ObjectKey, Ptr> objects_ GUARDED_BY(mutex_);
  std::vector<Handler> handlers_;
};

}  // namespace committest::kube
