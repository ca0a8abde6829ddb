#include "common/kube/work_queue.h"

namespace committest::kube {

void WorkQueue::Add(const ObjectKey& key) {
  MutexLock lock(mutex_);
  if (AddLocked(key)) WakeOneLocked();
}

void WorkQueue::AddAfter(const ObjectKey& key, std::chrono::nanoseconds delay) {
  MutexLock lock(mutex_);
  if (delay <= std::chrono::nanoseconds(0)) {
    if (AddLocked(key)) WakeOneLocked();
  } else {
    DelayLocked(key,
                clock_.Monotonic() + std::chrono::duration_cast<MonotonicTime::duration>(delay));
  }
}

std::optional<ObjectKey> WorkQueue::Get() {
  MutexLock lock(mutex_);
  while (!shut_down_) {
    PromoteDueLocked();
    if (auto key = TakeLocked()) {
      if (!line_.empty() || (!delayed_.empty() && !has_timekeeper_)) WakeOneLocked();
      return key;
    }
    WaitLocked(lock);
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
  WakeOneLocked();
}

void WorkQueue::ShutDown() {
  MutexLock lock(mutex_);
  shut_down_ = true;
  line_.clear();
  dirty_.clear();
  delayed_.clear();
  earliest_.clear();
  wake_.notify_all();
  tick_.notify_all();
}

std::size_t WorkQueue::Depth() const {
  MutexLock lock(mutex_);
  std::size_t due = 0;
  const MonotonicTime now = clock_.Monotonic();
  for (auto it = delayed_.begin(); it != delayed_.end() && it->at <= now; ++it) {
    if (!dirty_.contains(*it->key)) ++due;
  }
  return line_.size() + due;
}

std::optional<MonotonicTime> WorkQueue::NextDue() const {
  MutexLock lock(mutex_);
  if (delayed_.empty()) return std::nullopt;
  return delayed_.begin()->at;
}

bool WorkQueue::AddLocked(const ObjectKey& key) {
  if (shut_down_ || !dirty_.insert(key).second) return false;
  if (processing_.contains(key)) return false;  // `Done` puts it in line.
  line_.push_back(key);
  return true;
}

void WorkQueue::DelayLocked(const ObjectKey& key, MonotonicTime due) {
  if (shut_down_) return;
  const auto [it, inserted] = earliest_.try_emplace(key, due);
  if (!inserted) {
    if (it->second <= due) return;
    delayed_.erase({it->second, &it->first});
    it->second = due;
  }
  const auto first = delayed_.insert({due, &it->first}).first;
  // Whoever keeps the time must wait for this one if it is now the first.
  if (first != delayed_.begin()) return;
  if (has_timekeeper_) {
    tick_.notify_one();
  } else {
    WakeOneLocked();
  }
}

void WorkQueue::PromoteDueLocked() {
  const MonotonicTime now = clock_.Monotonic();
  while (!delayed_.empty() && delayed_.begin()->at <= now) {
    const auto key = earliest_.extract(*delayed_.begin()->key);
    delayed_.erase(delayed_.begin());
    AddLocked(key.key());
  }
}

void WorkQueue::WaitLocked(MutexLock& lock) {
  if (delayed_.empty() || has_timekeeper_) {
    ++waiting_;
    wake_.wait(lock);
    --waiting_;
    return;
  }
  has_timekeeper_ = true;
  tick_.wait_for(lock, delayed_.begin()->at - clock_.Monotonic());
  has_timekeeper_ = false;
}

void WorkQueue::WakeOneLocked() {
  if (waiting_ > 0) {
    wake_.notify_one();
  } else if (has_timekeeper_) {
    tick_.notify_one();
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
