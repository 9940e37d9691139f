#include "simulation_cases.hpp"

namespace infoplane::simulation {
namespace {

constexpr std::int64_t kSequence = 128;

}  // namespace

Cases::Cases(bool held_out, bool quick) { held_out ? add_held_out() : add_chosen_on(quick); }

void Cases::add_populations(const std::vector<Population>& populations) {
  for (const Population& population : populations) {
    truths_.emplace(population.name, Truth(population));
  }
}

Case& Cases::add(const std::string& population, const std::string& rest, const Sampling& sampling, int runs) {
  Case& each = all_.emplace_back();
  each.name = population + ", " + rest;
  each.truth = &truths_.at(population);
  each.sampling = sampling;
  each.runs = runs;
  return each;
}

void Cases::add_chosen_on(bool quick) {
  add_populations({
      {"strong", 64, 0.60, 0, false},
      {"moderate", 64, 0.35, 0, false},
      {"weak", 64, 0.15, 0, false},
      {"unlike", 64, 0.4, 0.7, false},
      {"none", 64, 0, 0, false},
      {"Zipf strong", 2000, 0.60, 0, true},
      {"Zipf weak", 2000, 0.15, 0, true},
      {"Zipf unlike", 2000, 0.4, 0.7, true},
      {"Zipf none", 2000, 0, 0, true},
      {"Zipf rare more", 2000, 0.35, 0, true, 0.35},
      {"Zipf rare weak more", 2000, 0.12, 0, true, 0.35},
      {"Zipf rare less", 2000, 0.60, 0, true, -0.25},
      {"512 strong", 512, 0.60, 0, false},
      {"512 weak", 512, 0.15, 0, false},
      {"t2 strong", 64, 0.60, 0, false, 0, 2},
      {"t2 weak", 64, 0.15, 0, false, 0, 2},
  });
  for (const std::string population : {"strong", "moderate", "weak", "unlike", "none"}) {
    for (const std::int64_t s : {4, 8, 32, 128}) {
      for (const char* const design : {"", ", drawn", ", sequences"}) {
        const bool stratified = *design == '\0';
        if (!stratified && s < 32) {
          continue;
        }
        // S tokens of each label, or labels drawn, S of each on average, as always in sequences: as many of each would
        // tie the sequences together.
        const std::string rest = "S = " + std::to_string(s) + design;
        Case& each =
            add(population, rest, {64 * s, stratified ? s : 0, rest.ends_with("sequences") ? kSequence : 1}, 1000);
        each.most_bias = (population == "strong" || population == "unlike") && s == 8 ? 5 : NAN;
        each.most_absolute = population == "none" && s >= 4 ? 0.003 : NAN;
        each.least_cover = s >= 32 ? 85 : NAN;
        // The error that is allowed for dependent tokens makes intervals wider.
        each.most_cover = s < 32 ? NAN : each.sampling.sequence > 1 ? 98 : 95;
      }
    }
  }
  for (const std::string population : {"Zipf strong", "Zipf weak", "Zipf unlike", "Zipf none"}) {
    for (const std::int64_t tokens : {4096, 16384, 65536}) {
      for (const std::int64_t sequence : {std::int64_t{1}, kSequence}) {
        if (quick && tokens > 16384) {
          continue;
        }
        Case& each = add(population, "N = " + std::to_string(tokens) + (sequence > 1 ? ", sequences" : ""),
                         {tokens, 0, sequence}, 200);
        each.most_bias = (population == "Zipf strong" || population == "Zipf unlike") && tokens == 16384 ? 3 : NAN;
        each.most_absolute = population == "Zipf none" ? 0.003 : NAN;
      }
    }
  }
  for (const std::string population : {"Zipf rare more", "Zipf rare weak more", "Zipf rare less"}) {
    for (const std::int64_t tokens : {4096, 16384}) {
      const bool few = population == "Zipf rare weak more" && tokens == 4096;
      add(population, "N = " + std::to_string(tokens), {tokens}, 200).most_bias = few ? 17 : 10;
    }
  }
  for (const std::string population : {"512 strong", "512 weak"}) {
    add(population, "N = 16384", {16384}, 200);
  }
  for (const std::string population : {"t2 strong", "t2 weak"}) {
    for (const std::int64_t s : {8, 32, 128}) {
      add(population, "S = " + std::to_string(s), {64 * s, s}, 200);
    }
  }
  for (const std::string population : {"strong", "weak"}) {
    for (const std::int64_t tokens : {4096, 16384}) {
      for (const double kept : {0.5, 0.9}) {
        Sampling sampling{tokens, 0, kSequence};
        sampling.autoregressive = kept;
        Case& each = add(population, "N = " + std::to_string(tokens) + ", Markov, AR " + (kept > 0.7 ? "0.9" : "0.5"),
                         sampling, 200);
        each.most_bias = population == "strong" ? 3 : 27;  // 27 % of weak ones are 0.003 of log m
        each.least_cover = 75;
      }
    }
  }
}

void Cases::add_held_out() {
  constexpr std::uint64_t kSeed = 4711;
  add_populations({
      {"strong, other", 48, 0.75, 0, false, 0, 0, kSeed},
      {"moderate, other", 100, 0.25, 0, false, 0, 0, kSeed},
      {"unlike, other", 48, 0.25, 1.0, false, 0, 0, kSeed},
      {"Zipf, other", 3000, 0.40, 0, true, 0, 0, kSeed},
      {"Zipf unlike, other", 1000, 0.25, 0.9, true, 0, 0, kSeed},
      {"Zipf rare more, other", 1500, 0.25, 0.3, true, 0.45, 0, kSeed},
      {"Zipf rare weak more, other", 3000, 0.10, 0, true, 0.40, 0, kSeed},
      {"Zipf rare less, other", 1500, 0.35, 0.3, true, -0.20, 0, kSeed},
      {"400 strong", 400, 0.50, 0, false, 0, 0, kSeed},
      {"400 weak", 400, 0.20, 0, false, 0, 0, kSeed},
      {"t2 moderate", 48, 0.40, 0, false, 0, 2, kSeed},
      {"t2 unlike", 48, 0.30, 0.7, false, 0, 2, kSeed},
  });
  for (const std::string population :
       {"strong, other", "moderate, other", "unlike, other", "t2 moderate", "t2 unlike"}) {
    const std::int64_t labels = truths_.at(population).population().labels;
    for (const std::int64_t s : {6, 24, 96}) {
      add(population, "S = " + std::to_string(s), {labels * s, s}, 200);
      if (s > 6) {
        add(population, "S = " + std::to_string(s) + ", drawn", {labels * s}, 200);
      }
    }
  }
  for (const std::string population :
       {"Zipf, other", "Zipf unlike, other", "Zipf rare more, other", "Zipf rare weak more, other",
        "Zipf rare less, other", "400 strong", "400 weak"}) {
    for (const std::int64_t tokens : {6144, 12288}) {
      add(population, "N = " + std::to_string(tokens), {tokens}, 200);
    }
  }
  for (const std::string population : {"strong, other", "moderate, other", "400 weak"}) {
    for (const double kept : {0.7, 0.95}) {
      Sampling sampling{12288, 0, kSequence};
      sampling.autoregressive = kept;
      add(population, std::string("N = 12288, Markov, AR ") + (kept > 0.8 ? "0.95" : "0.7"), sampling, 200);
    }
    add(population, "N = 12288, sequences", {12288, 0, kSequence}, 200);
  }
}

}  // namespace infoplane::simulation
