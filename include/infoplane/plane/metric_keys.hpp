#pragma once

#include <array>
#include <string>
#include <string_view>

namespace infoplane::plane {

/// Keys of Metrics. An `order` is what follows "input_" and "output_" in the names of label sets: "unigram", "bigram",
/// "trigram", "quadgram". The four coordinates also take an output set of the trainer's own ("output:class", see
/// output_set), whose input is the whole context.

/// Orders of n-grams of 1, 2, … tokens.
inline constexpr std::array<std::string_view, 4> kOrders = {"unigram", "bigram", "trigram", "quadgram"};

/// Label set of a name that a trainer put on a side: "input:<name>", "output:<name>". Keys have the name alone.
std::string input_set(std::string_view name);
std::string output_set(std::string_view name);

/// Whether a label set is of what comes out: "output:<name>", or a name that starts with "output_".
bool is_output(std::string_view label_set) noexcept;

/// Whether a label set is one that a trainer put on the output side, and what it is called in keys.
bool is_named_output(std::string_view label_set) noexcept;
std::string_view name_of_set(std::string_view label_set) noexcept;

/// `I(Y;Z)/<set>` where `is_output`, else `I(X;Z)/<set>`: whatever isn't what comes out is input. The set by its name.
std::string information_key(std::string_view label_set);

/// `I(X;Z)/input_<order>`; of a named output set `I(X;Z)/context`.
std::string complexity_key(std::string_view order);

/// `I(Y;Z)/output_<order>`; of a named output set `I(Y;Z)/<name>`.
std::string expressivity_key(std::string_view order);

/// `optimality/<order>`; of a named output set `share/<name>`.
std::string optimality_key(std::string_view order);

/// `distance/<order>`; of a named output set `distance/<name>` = 1 − `share/<name>`.
std::string distance_key(std::string_view order);

/// `<key>/null`: what labels without information would show.
std::string null_key(std::string_view key);

/// `<key>/corrected`: without finite-sample bias.
std::string corrected_key(std::string_view key);

/// `<key>/standard_error`: of the corrected value.
std::string standard_error_key(std::string_view key);

/// `standard_error_key` of the key, or of the key K of a `K/corrected`: the error that belongs to the value.
std::string error_key(std::string_view key);

/// `<key>/draw_error`: the part of `<key>/standard_error` that comes from the draw of the anchors. There only where a
/// point was measured with several draws.
std::string draw_error_key(std::string_view key);

/// `curve_gap/<order>`.
std::string curve_gap_key(std::string_view order);

/// `I(X;Z)/context`: each position is its own value of X.
std::string context_key();

/// `mean_direction`: length of the mean unit vector.
std::string mean_direction_key();

/// `anchors_in_use`: e^H(Z), with H(Z) in nats.
std::string anchors_in_use_key();

/// `share/<set>`: of the context's information; the set by its name.
std::string share_key(std::string_view label_set);

/// `share/output_<order>`; of a named output set `share/<name>`.
std::string output_share_key(std::string_view order);

/// `regularity/<set>`; the set by its name.
std::string regularity_key(std::string_view label_set);

/// `I(Y;Z)/through_<order>`: through the input label alone.
std::string through_key(std::string_view order);

/// `I(X;Z)/paired_<order>`: complexity over the positions that `through_key` is over.
std::string paired_key(std::string_view order);

/// `optimality_through/<order>`.
std::string optimality_through_key(std::string_view order);

/// `I(Y;Z)/from_context_<order>`: what the context adds.
std::string from_context_key(std::string_view order);

/// `bound_gap/<order>`.
std::string bound_gap_key(std::string_view order);

/// `efficiency/<order>`.
std::string efficiency_key(std::string_view order);

/// `predicted/<order>`.
std::string predicted_key(std::string_view order);

}  // namespace infoplane::plane
