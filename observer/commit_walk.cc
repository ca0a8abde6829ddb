#include "observer/commit_walk.h"

#include <algorithm>
#include <utility>

namespace committest::observer {
namespace {

constexpr std::int64_t kClockSkewSeconds = 24 * 60 * 60;

}  // namespace

Result<CommitWalk::Index> CommitWalk::Load(const std::string& id) {
  if (const auto it = index_.find(id); it != index_.end()) return it->second;
  auto commit = load_(id);
  if (!commit) return Fail(std::move(commit.error()));
  const Index index = nodes_.size();
  nodes_.push_back({id, std::move(*commit)});
  index_.emplace(id, index);
  return index;
}

void CommitWalk::Enqueue(Index index) {
  Node& node = nodes_[index];
  if (std::exchange(node.is_queued, true)) return;
  queue_.emplace(node.commit.time, index);
  if (node.IsNewAlone()) ++new_in_queue_;
}

CommitWalk::Index CommitWalk::TakeNewest() {
  const Index index = queue_.top().second;
  queue_.pop();
  Node& node = nodes_[index];
  node.is_queued = false;
  if (node.IsNewAlone()) --new_in_queue_;
  return index;
}

void CommitWalk::Paint(Index index, bool is_new, bool is_old) {
  Node& node = nodes_[index];
  const bool was_new_alone = node.IsNewAlone();
  const bool changes = (is_new && !node.is_new) || (is_old && !node.is_old);
  if (!changes) return;
  node.is_new |= is_new;
  node.is_old |= is_old;
  if (node.is_queued) {
    if (was_new_alone && !node.IsNewAlone()) --new_in_queue_;
    if (!was_new_alone && node.IsNewAlone()) ++new_in_queue_;
  }
  if (node.IsNewAlone()) oldest_new_ = std::min(oldest_new_, node.commit.time);
  Enqueue(index);
}

Status CommitWalk::Spread(Index index) {
  // `nodes_` grows below, so take copies.
  const std::vector<std::string> parents = nodes_[index].commit.parents;
  const bool is_new = nodes_[index].is_new;
  const bool is_old = nodes_[index].is_old;
  for (std::size_t i = 0; i < parents.size(); ++i) {
    const bool new_flows = is_new && (i == 0 || mode_ == api::History::kAll);
    if (!new_flows && !is_old) break;
    const auto parent = Load(parents[i]);
    if (!parent) return Fail(parent.error());
    Paint(*parent, new_flows, is_old);
  }
  return {};
}

bool CommitWalk::IsDone() const {
  if (queue_.empty() || nodes_.size() >= max_visited_) return true;
  if (new_in_queue_ > 0) return false;
  return oldest_new_ == INT64_MAX || queue_.top().first < oldest_new_ - kClockSkewSeconds;
}

Result<CommitWalk::Outcome> CommitWalk::Between(const std::string& cursor, const std::string& tip) {
  const auto cursor_index = Load(cursor);
  if (!cursor_index) return Fail(cursor_index.error());
  const auto tip_index = Load(tip);
  if (!tip_index) return Fail(tip_index.error());
  Paint(*cursor_index, false, true);
  Paint(*tip_index, true, false);
  while (!IsDone()) {
    if (auto status = Spread(TakeNewest()); !status) return Fail(status.error());
  }
  Outcome outcome;
  outcome.reached_cursor = nodes_[*cursor_index].is_new;
  outcome.reached_tip = nodes_[*tip_index].is_old;
  std::vector<Index> members;
  for (Index i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].IsNewAlone()) members.push_back(i);
    if (nodes_[i].is_new && nodes_[i].is_old) outcome.share_history = true;
  }
  outcome.commits = ChildrenFirst(members);
  return outcome;
}

Result<std::vector<std::string>> CommitWalk::Newest(const std::string& tip, std::size_t limit) {
  const auto tip_index = Load(tip);
  if (!tip_index) return Fail(tip_index.error());
  Paint(*tip_index, true, false);
  std::vector<Index> members;
  while (!queue_.empty() && members.size() < limit) {
    members.push_back(TakeNewest());
    if (members.size() == limit) break;
    if (auto status = Spread(members.back()); !status) return Fail(status.error());
  }
  return ChildrenFirst(members);
}

std::vector<std::string> CommitWalk::ChildrenFirst(const std::vector<Index>& members) const {
  std::unordered_map<Index, std::size_t> children;
  for (const Index member : members) children.emplace(member, 0);
  const auto for_each_parent = [&](Index member, const auto& act) {
    for (const std::string& id : nodes_[member].commit.parents) {
      const auto known = index_.find(id);
      if (known == index_.end()) continue;
      if (const auto it = children.find(known->second); it != children.end()) act(*it);
    }
  };
  for (const Index member : members) {
    for_each_parent(member, [](auto& entry) { ++entry.second; });
  }
  std::priority_queue<std::pair<std::int64_t, Index>> ready;
  for (const auto& [member, count] : children) {
    if (count == 0) ready.emplace(nodes_[member].commit.time, member);
  }
  std::vector<std::string> ordered;
  ordered.reserve(members.size());
  while (!ready.empty()) {
    const Index member = ready.top().second;
    ready.pop();
    ordered.push_back(nodes_[member].id);
    for_each_parent(member, [&](auto& entry) {
      if (--entry.second == 0) ready.emplace(nodes_[entry.first].commit.time, entry.first);
    });
  }
  return ordered;
}

}  // namespace committest::observer
