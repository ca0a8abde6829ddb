#include "operator/queue.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <tuple>

namespace committest::op {
namespace {

/// The CommitTests of one repository that could be launched, and what it holds already.
struct Line {
  std::vector<const Contender*> waiting;
  std::size_t admitted = 0;  ///< So many of `waiting`, from its front.
  std::int64_t held = 0;
  std::int64_t max = 0;

  bool Full() const { return max > 0 && held >= max; }
  bool CanMove() const { return admitted < waiting.size() && !Full(); }
  const Contender& Next() const { return *waiting[admitted]; }
};

using Lines = std::map<RepositoryKey, Line>;

Place Waiting(Turn turn, std::string detail) {
  Place place;
  place.turn = turn;
  place.detail = std::move(detail);
  return place;
}

std::optional<Place> Superseded(const QueueInput& input, const RepositoryLimits& limits,
                                const Contender& contender) {
  if (!limits.cancel_older || !contender.observed) return std::nullopt;
  const auto newest = input.newest.find({contender.Repository(), contender.ref});
  if (newest == input.newest.end() || newest->second.since <= contender.since) return std::nullopt;
  return Waiting(Turn::kSuperseded, newest->second.name);
}

/// The places that follow from the contender alone; nullopt for those that stand in line.
std::optional<Place> PlaceOutOfLine(const QueueInput& input, const RepositoryLimits& limits,
                                    const Contender& contender) {
  if (auto superseded = Superseded(input, limits, contender)) return superseded;
  if (contender.holds_slot) return Place{};
  if (contender.suspended) return Waiting(Turn::kQueued, {});
  if (!limits.problem.empty()) return Waiting(Turn::kRepositoryNotReady, limits.problem);
  if (contender.held_back) return Waiting(Turn::kHeldBack, {});
  return std::nullopt;
}

bool GoesBefore(const Contender* a, const Contender* b) {
  return std::tie(b->priority, a->since, a->key) < std::tie(a->priority, b->since, b->key);
}

/// The line that gets the next slot, or nullptr.
Line* NextLine(Lines& lines) {
  Line* best = nullptr;
  for (auto& [key, line] : lines) {
    if (!line.CanMove()) continue;
    if (best == nullptr ||
        std::tuple(line.held, line.Next().since) < std::tuple(best->held, best->Next().since)) {
      best = &line;
    }
  }
  return best;
}

void HandOutSlots(std::int64_t cluster_max, std::int64_t taken, Lines& lines) {
  while (cluster_max == 0 || taken < cluster_max) {
    Line* line = NextLine(lines);
    if (line == nullptr) return;
    ++line->admitted;
    ++line->held;
    ++taken;
  }
}

void PlaceLine(const QueueInput& input, const Line& line,
               std::map<kube::ObjectKey, Place>& places) {
  for (std::size_t i = 0; i < line.waiting.size(); ++i) {
    Place place;
    if (i >= line.admitted) {
      place.turn = Turn::kQueued;
      place.position = static_cast<std::int64_t>(i - line.admitted) + 1;
      place.bound = line.Full() ? Bound::kRepository : Bound::kCluster;
      place.limit = line.Full() ? line.max : input.cluster_max;
    }
    places.emplace(line.waiting[i]->key, std::move(place));
  }
}

/// The places of a line in a namespace whose quota refuses: nobody moves.
void PlaceRefused(const std::string& words, const Line& line,
                  std::map<kube::ObjectKey, Place>& places) {
  for (std::size_t i = 0; i < line.waiting.size(); ++i) {
    Place place = Waiting(Turn::kQueued, words);
    place.position = static_cast<std::int64_t>(i) + 1;
    place.bound = Bound::kQuota;
    places.emplace(line.waiting[i]->key, std::move(place));
  }
}

}  // namespace

std::map<kube::ObjectKey, Place> PlanQueue(const QueueInput& input) {
  std::map<kube::ObjectKey, Place> places;
  Lines lines;
  std::int64_t taken = 0;
  for (const Contender& contender : input.contenders) {
    const auto found = input.repositories.find(contender.Repository());
    const RepositoryLimits limits =
        found == input.repositories.end() ? RepositoryLimits{} : found->second;
    Line& line = lines[contender.Repository()];
    line.max = limits.max;
    if (auto place = PlaceOutOfLine(input, limits, contender)) {
      places.emplace(contender.key, std::move(*place));
    } else {
      line.waiting.push_back(&contender);
    }
    // A superseded one that runs holds its slot until it is recorded as ended.
    if (!contender.holds_slot) continue;
    ++line.held;
    ++taken;
  }
  Lines moving;
  for (auto& [key, line] : lines) {
    std::ranges::sort(line.waiting, GoesBefore);
    const auto refusing = input.refusing_namespaces.find(key.namespace_);
    if (refusing == input.refusing_namespaces.end()) {
      moving.emplace(key, std::move(line));
    } else {
      PlaceRefused(refusing->second, line, places);
    }
  }
  HandOutSlots(input.cluster_max, taken, moving);
  for (const auto& [key, line] : moving) PlaceLine(input, line, places);
  return places;
}

WallTime SeenTime(const api::CommitTest& commit_test) {
  const WallTime created = commit_test.meta.creation_time.value_or(WallTime{});
  return commit_test.spec.trigger.detected_time.value_or(created);
}

std::int64_t PositionStep(std::int64_t position) {
  if (position <= 10) return 1;
  return position <= 100 ? 10 : 100;
}

std::int64_t CoarsePosition(std::int64_t position) {
  const std::int64_t step = PositionStep(position);
  return (position + step - 1) / step * step;
}

}  // namespace committest::op
