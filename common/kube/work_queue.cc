#include "common/kube/work_queue.h"

namespace committest::kube {

void WorkQueue::Add(const ObjectKey& key) {
  MutexLock lock(mutex_);
  AddLocked(key);
}

void WorkQueue::AddAfter(const ObjectKey& key, std::chrono::nanoseconds delay) {
  MutexLock lock(mutex_);
  if (delay <= std::chrono::nanoseconds(0)) {
    AddLocked(key);
  } else {
    DelayLocked(key,
                clock_.Monotonic() + std::chrono::duration_cast<MonotonicTime::duration>(delay));
  }
}

std::optional<ObjectKey> WorkQueue::Get() {
  MutexLock lock(mutex_);
  while (!shut_down_) {
    PromoteDueLocked();
    if (auto key = TakeLocked()) return key;
    if (delayed_.empty()) {
      wake_.wait(lock);
    } else {
      wake_.wait_for(lock, delayed_.begin()->first - clock_.Monotonic());
    }
  }
  return std::nullopt;
}

std::optional<ObjectKey> WorkQueue::TryGet() {
  MutexLock lock(mutex_);
  if (shut_down_) return std::nullopt;
  PromoteDueLocked();
  return TakeLocked();
}

void WorkQueue::Done(const ObjectKey& key) {
  MutexLock lock(mutex_);
  processing_.erase(key);
  if (shut_down_ || !dirty_.contains(key)) return;
  line_.push_back(key);
  wake_.notify_one();
}

void WorkQueue::ShutDown() {
  MutexLock lock(mutex_);
  shut_down_ = true;
  line_.clear();
  dirty_.clear();
  delayed_.clear();
  earliest_.clear();
  wake_.notify_all();
}

std::size_t WorkQueue::Depth() const {
  MutexLock lock(mutex_);
  std::size_t due = 0;
  const MonotonicTime now = clock_.Monotonic();
  for (auto it = delayed_.begin(); it != delayed_.end() && it->first <= now; ++it) {
    if (!dirty_.contains(it->second)) ++due;
  }
  return line_.size() + due;
}

std::optional<MonotonicTime> WorkQueue::NextDue() const {
  MutexLock lock(mutex_);
  if (delayed_.empty()) return std::nullopt;
  return delayed_.begin()->first;
}

void WorkQueue::AddLocked(const ObjectKey& key) {
  if (shut_down_ || !dirty_.insert(key).second) return;
  if (processing_.contains(key)) return;  // `Done` puts it in line.
  line_.push_back(key);
  wake_.notify_one();
}

void WorkQueue::DelayLocked(const ObjectKey& key, MonotonicTime due) {
  if (shut_down_) return;
  const auto [it, inserted] = earliest_.try_emplace(key, due);
  if (!inserted) {
    if (it->second <= due) return;
    delayed_.erase({it->second, key});
    it->second = due;
  }
  delayed_.emplace(due, key);
  // Whoever waits must wait for this one if it is now the first.
  if (delayed_.begin()->second == key) wake_.notify_one();
}

void WorkQueue::PromoteDueLocked() {
  const MonotonicTime now = clock_.Monotonic();
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    const ObjectKey key = std::move(delayed_.extract(delayed_.begin()).value().second);
    earliest_.erase(key);
    AddLocked(key);
  }
}

std::optional<ObjectKey> WorkQueue::TakeLocked() {
  if (line_.empty()) return std::nullopt;
  ObjectKey key = std::move(line_.front());
  line_.pop_front();
  dirty_.erase(key);
  processing_.insert(key);
  return key;
}

}  // namespace committest::kube
