#include "engine/dialects/ax_poll/proof_store.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <system_error>
#include <tuple>
#include <utility>

#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "corral/core/files.hpp"
#include "corral/core/json.hpp"
#include "corral/core/keyed_hash.hpp"
#include "corral/core/say.hpp"
#include "corral/core/state_format.hpp"
#include "corral/core/text.hpp"

namespace corral::engine::ax_poll {

namespace {

constexpr std::size_t longest_text = 4096;  // of a member
// Of `compare_after`: until a gap between two requests is enough, and until there must be none.
constexpr int spans_until_gaps = 6;
constexpr int spans_until_insisting = 12;
constexpr int gaps_in_a_span = 20;

std::string id_at(const token_ids& ids, std::size_t at) {
    return at < ids.size() ? std::to_string(ids[at]) : std::string("none");
}

}  // namespace

reuse_proof compare_answers(const std::vector<token_ids>& behind, const std::vector<token_ids>& anew,
                            std::string_view date) {
    const bool is_complete =
        !behind.empty() && behind.size() == anew.size() &&
        std::none_of(anew.begin(), anew.end(), [](const token_ids& one) { return one.empty(); });
    if (!is_complete) {
        return {reuse_proof::verdict::open, "The comparison on this box gave no answers."};
    }
    for (std::size_t turn = 0; turn < anew.size(); ++turn) {
        const token_ids& a = behind[turn];
        const token_ids& b = anew[turn];
        if (a == b) {
            continue;
        }
        const auto at = static_cast<std::size_t>(
            std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(std::min(a.size(), b.size())),
                          b.begin())
                .first -
            a.begin());
        return {reuse_proof::verdict::different, "Token " + std::to_string(at + 1) + " of further turn " +
                                                     std::to_string(turn + 1) + " was " + id_at(a, at) +
                                                     " behind the cache and " + id_at(b, at) + " anew, on " +
                                                     std::string(date) + "."};
    }
    return {reuse_proof::verdict::equal,
            "This box answered the same behind its cache as anew, on " + std::string(date) + "."};
}

proof_pace pace_of_proof(core::nanoseconds open_for, core::nanoseconds compare_after, bool asked) {
    if (asked && open_for < compare_after * spans_until_gaps) {
        return {compare_after, false};
    }
    return {compare_after / gaps_in_a_span, open_for >= compare_after * spans_until_insisting};
}

std::string computing_parts::changed_since(const computing_parts& before) const {
    std::vector<std::string> out;
    for (const auto& [what, now, then] : {std::tuple{"the runtime's program", &runtime, &before.runtime},
                                          std::tuple{"the weights", &weights, &before.weights},
                                          std::tuple{"the card's type", &card, &before.card}}) {
        if (*now != *then) {
            out.emplace_back(what);
        }
    }
    return core::joined(out, " and ");
}

std::string text_of(const kept_proof& kept) {
    const bool equal = kept.proof.says == reuse_proof::verdict::equal;
    return nlohmann::json{{"format", proof_format},     {"equal", equal},
                          {"why", kept.proof.why},      {"package", kept.package},
                          {"runtime", kept.of.runtime}, {"weights", kept.of.weights},
                          {"card", kept.of.card}}
               .dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
           "\n";
}

std::optional<kept_proof> proof_of(std::string_view text) {
    const nlohmann::json all = core::parse_json(text);
    if (!all.is_object() || core::is_newer_format(all, "format", proof_format)) {
        return std::nullopt;
    }
    const auto equal = all.find("equal");
    if (equal == all.end() || !equal->is_boolean()) {
        return std::nullopt;
    }
    kept_proof out;
    out.proof.says = equal->get<bool>() ? reuse_proof::verdict::equal : reuse_proof::verdict::different;
    for (const auto& [name, into] :
         {std::pair{"why", &out.proof.why}, std::pair{"package", &out.package},
          std::pair{"runtime", &out.of.runtime}, std::pair{"weights", &out.of.weights},
          std::pair{"card", &out.of.card}}) {
        const auto found = all.find(name);
        if (found == all.end() || !found->is_string()) {
            return std::nullopt;
        }
        *into = found->get_ref<const std::string&>();
        if ((into->empty() && into != &out.of.card) || into->size() > longest_text) {
            return std::nullopt;
        }
    }
    return out;
}

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_files = 20'000;  // of a package
constexpr std::size_t most_kept = 500;      // entries of the folder
constexpr std::string_view beginning = "reuse-";
constexpr std::string_view ending = ".json";
constexpr std::size_t hash_digits = 16;

// Its size and a few blocks of it: weights are gigabytes, and a copy of them is of another time and folder.
void feed_file(core::keyed_hash& hash, const fs::path& file) {
    constexpr std::uintmax_t blocks = 16;
    std::error_code unreadable;
    const std::uintmax_t size = fs::file_size(file, unreadable);
    if (unreadable) {
        return;
    }
    hash.feed_part(std::to_string(size));
    std::ifstream in(file, std::ios::binary);
    std::array<char, 4096> block{};
    for (std::uintmax_t i = 0; in && i < blocks; ++i) {
        in.seekg(static_cast<std::streamoff>(size / blocks * i));
        in.read(block.data(), block.size());
        hash.feed_part({block.data(), static_cast<std::size_t>(in.gcount())});
        in.clear();
    }
}

bool holds_weights(const fs::path& file) {
    return file.extension() == ".axmodel" || file.extension() == ".bin";
}

bool is_program(const fs::path& file) {
    std::error_code unreadable;
    return fs::is_regular_file(file, unreadable) && ::access(file.c_str(), X_OK) == 0;
}

std::string hex(const core::keyed_hash& hash) {
    return fmt::format("{:016x}", hash.result());
}

bool is_name_of_ours(std::string_view name) {
    if (name.size() != beginning.size() + hash_digits + ending.size() || !name.starts_with(beginning) ||
        !name.ends_with(ending)) {
        return false;
    }
    return name.substr(beginning.size(), hash_digits).find_first_not_of("0123456789abcdef") ==
           std::string_view::npos;
}

}  // namespace

proof_place proof_place_of(const fs::path& folder, const fs::path& package, const runtime_command& runtime) {
    core::keyed_hash name(core::keyed_hash::key{});  // no secret: the same for the next process
    core::keyed_hash programs(core::keyed_hash::key{});
    core::keyed_hash weights(core::keyed_hash::key{});
    name.feed_part(package.string());
    for (const std::string& word : runtime.as_named) {
        if (word.find('{') == std::string::npos) {
            name.feed_part(word);
        }
    }
    for (const std::string& word : runtime.words) {
        const fs::path file = package / word;  // of an absolute one nothing but itself
        if (is_program(file)) {
            feed_file(programs, file);
        }
    }
    std::vector<fs::path> files;
    std::error_code unreadable;
    fs::recursive_directory_iterator entry(package, fs::directory_options::skip_permission_denied,
                                           unreadable);
    for (std::size_t seen = 0;
         !unreadable && entry != fs::recursive_directory_iterator() && seen < most_files; ++seen) {
        if (holds_weights(entry->path())) {
            files.push_back(entry->path());
        }
        entry.increment(unreadable);
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) {
        weights.feed_part(file.lexically_relative(package).string());
        feed_file(weights, file);
    }
    const std::string file = std::string(beginning) + hex(name) + std::string(ending);
    return {folder / file, package, {hex(programs), hex(weights), runtime.card}};
}

reuse_proof recall_proof(const proof_place& place) {
    const auto kept = core::read_private_file(place.file);
    const auto found = kept ? proof_of(kept->text) : std::nullopt;
    if (!found) {
        return {};
    }
    const std::string changed = place.of.changed_since(found->of);
    if (changed.empty()) {
        return found->proof;
    }
    return {reuse_proof::verdict::open, core::say("model.reuse-off/changed", changed)};
}

std::string keep_proof(const proof_place& place, const reuse_proof& proof) {
    const auto folder = core::make_private_folder(place.file.parent_path());
    if (!folder) {
        return folder.error().message;
    }
    if (core::is_newer_format(place.file, "format", proof_format)) {
        return core::newer_format(place.file).message;
    }
    const std::string text = text_of({.proof = proof, .package = place.package.string(), .of = place.of});
    const auto written = core::replace_private_file(
        place.file, {.text = text, .mode = 0600, .owner = ::geteuid(), .group = ::getegid()});
    return written ? std::string{} : written.error().message.text();
}

std::size_t remove_stale_proofs(const fs::path& folder) {
    std::vector<fs::path> found;
    std::error_code unreadable;
    fs::directory_iterator entry(folder, unreadable);
    for (std::size_t seen = 0; !unreadable && entry != fs::directory_iterator() && seen < most_kept; ++seen) {
        if (is_name_of_ours(entry->path().filename().string())) {
            found.push_back(entry->path());
        }
        entry.increment(unreadable);
    }
    std::size_t removed = 0;
    for (const fs::path& file : found) {
        const auto kept = core::read_private_file(file);
        const auto known = kept ? proof_of(kept->text) : std::nullopt;
        const bool newer = core::is_newer_format(file, "format", proof_format);
        if (!kept || newer || (known && fs::exists(known->package, unreadable)) || unreadable) {
            continue;  // what can't be looked at stays
        }
        std::error_code stays;
        removed += fs::remove(file, stays) ? 1 : 0;
    }
    return removed;
}

}  // namespace corral::engine::ax_poll
