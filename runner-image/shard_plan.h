#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/api/sharding.h"

namespace committest::runner {

/// The smallest part of the tests that is run as a whole: a module, a file, a package, or tests that
/// need one another.
struct Unit {
  std::string name;
  /// What its parts are called in reports: of most frameworks the unit's own name.
  std::vector<std::string> parts;
  std::vector<std::size_t> numbers = {};  ///< CTest: which tests these are, from 1.

  bool operator==(const Unit&) const = default;
};

/// How units are spread over shards.
struct ShardPlan {
  std::vector<std::size_t> shards;  ///< Of each unit, in the units' order: 0 to count - 1.
  std::size_t known = 0;            ///< Of how many units a duration was known.
};

/// Splits `units`. Pure, total and deterministic: whoever has the same names, in whatever Pod, gets
/// the same answer, and every unit has exactly one shard.
///
/// | strategy | durations known | rule                                                            |
/// |----------|-----------------|-----------------------------------------------------------------|
/// | Name     | any             | dealt out in turn, in the order of the names                    |
/// | Timing   | none            | as Name                                                         |
/// | Timing   | some            | the longest first, to the shard that has least so far           |
///
/// Units that take equally long go by their names, shards that have equally much by their numbers. A
/// unit that nothing is known of counts as the (lower) median of the known ones, none as less than a
/// millisecond. This is Graham's LPT: the longest shard takes at most 4/3 of what the best split would
/// (R. L. Graham, "Bounds on Multiprocessing Timing Anomalies", 1969).
/// REQUIRES: `units` are sorted by name, each name once, and `sharding.count` is at least 1.
ShardPlan PlanShards(const std::vector<Unit>& units, const api::ShardingSpec& sharding,
                     const api::UnitTimings& timings);

/// `ShardReport::plan`: what says whether two shards found and split the same.
std::string PlanDigest(const std::vector<Unit>& units, const ShardPlan& plan);

/// The plan's digest of a command, which splits itself.
std::string CommandDigest(const std::vector<std::string>& argv);

}  // namespace committest::runner
