#include "scenario.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <type_traits>

namespace corral::sim {
namespace {

using nlohmann::json;

struct limits {
    double low = 0;
    double high = 1e9;
};

// The one list of keys: reading, writing and the search for the nearest key all walk it.
template <class Visitor>
void visit_keys(auto& s, Visitor&& visit) {
    visit("", "build", s.build, std::vector<std::string>{"axcl", "ax650"});
    visit("", "mode", s.mode, std::vector<std::string>{"text", "echo", "think", "tool"});
    visit("", "directives", s.directives, limits{});
    visit("", "stateless", s.stateless, limits{});
    visit("", "no_think_prefix", s.no_think_prefix, limits{});
    visit("", "cards", s.cards, limits{0, 64});
    visit("", "remain_cmm_mb", s.remain_cmm_mb, limits{-1, 1e6});
    visit("timing", "load_ms", s.timing.load_ms, limits{});
    visit("timing", "axcl_smi_ms", s.timing.axcl_smi_ms, limits{});
    visit("timing", "reset_ms", s.timing.reset_ms, limits{});
    visit("timing", "prefill_ms_per_chunk", s.timing.prefill_ms_per_chunk, limits{});
    visit("timing", "tokens_per_second", s.timing.tokens_per_second, limits{0.01, 1e6});
    visit("timing", "decay_per_run", s.timing.decay_per_run, limits{0, 10});
    visit("timing", "burst", s.timing.burst, limits{1, 1000});
    visit("timing", "worker_delay_ms", s.timing.worker_delay_ms, limits{});
    visit("geometry", "max_token_len", s.geometry.max_token_len, limits{2, 1e6});
    visit("geometry", "chunk", s.geometry.chunk, limits{1, 1e6});
    visit("geometry", "groups", s.geometry.groups, limits{1, 1e6});
    visit("geometry", "kv_cache_size", s.geometry.kv_cache_size, limits{1, 1e6});
    visit("tokenizer", "family", s.tokenizer.family, std::vector<std::string>{"qwen3", "qwen2.5", "plain"});
    visit("tokenizer", "strict", s.tokenizer.strict, limits{});
    visit("tokenizer", "no_think", s.tokenizer.no_think, limits{});
    visit("tokenizer", "trim", s.tokenizer.trim, limits{});
    visit("tokenizer", "merge", s.tokenizer.merge, limits{});
    visit("tokenizer", "control", s.tokenizer.control, std::vector<std::string>{"exact", "strip", "none"});
    visit("tokenizer", "print_prompts", s.tokenizer.print_prompts, limits{});
    visit("tokenizer", "start_ms", s.tokenizer.start_ms, limits{});
    visit("tokenizer", "uid_ms", s.tokenizer.uid_ms, limits{});
    visit("tokenizer", "encode_ms", s.tokenizer.encode_ms, limits{});
    visit("tokenizer", "decode_ms", s.tokenizer.decode_ms, limits{});
    visit("leak", "descriptors_per_run", s.leak.descriptors_per_run, limits{0, 1e6});
    visit("leak", "kib_per_run", s.leak.kib_per_run, limits{0, 1e6});
    visit("chat", "split_bytes", s.chat.split_bytes, limits{});
    visit("chat", "npu_percent", s.chat.npu_percent, limits{0, 100});
    visit("chat", "http10", s.chat.http10, limits{});
    visit("chat", "busy_wait_ms", s.chat.busy_wait_ms, limits{-1, 1e9});
    visit("chat", "stop_wait_ms", s.chat.stop_wait_ms, limits{});
    visit("chat", "release_status", s.chat.release_status, limits{0, 255});
}

[[noreturn]] void bad_value(const std::string& name, const std::string& wanted) {
    throw scenario_error("value of '" + name + "' must be " + wanted);
}

void check_range(const std::string& name, double value, limits range) {
    if (value < range.low || value > range.high)
        bad_value(name, "between " + json(range.low).dump() + " and " + json(range.high).dump());
}

void read_value(const std::string& name, const json& value, std::string& field,
                const std::vector<std::string>& words) {
    if (!value.is_string()) bad_value(name, "a string");
    const auto text = value.get<std::string>();
    if (std::find(words.begin(), words.end(), text) == words.end())
        bad_value(name, "a known word; nearest is '" + nearest_word(text, words) + "'");
    field = text;
}

void read_value(const std::string& name, const json& value, bool& field, limits) {
    if (!value.is_boolean()) bad_value(name, "true or false");
    field = value.get<bool>();
}

void read_value(const std::string& name, const json& value, int& field, limits range) {
    if (!value.is_number_integer()) bad_value(name, "an integer");
    check_range(name, value.get<double>(), range);
    field = value.get<int>();
}

void read_value(const std::string& name, const json& value, double& field, limits range) {
    if (!value.is_number()) bad_value(name, "a number");
    check_range(name, value.get<double>(), range);
    field = value.get<double>();
}

void read_value(const std::string& name, const json& value, std::vector<int>& field, limits range) {
    if (!value.is_array() || value.empty()) bad_value(name, "a list of integers");
    std::vector<int> numbers;
    for (const auto& item : value) {
        int number = 0;
        read_value(name, item, number, range);
        if (!numbers.empty() && number <= numbers.back()) bad_value(name, "a rising list");
        numbers.push_back(number);
    }
    field = numbers;
}

[[noreturn]] void unknown_key(const scenario& s, const std::string& section, const std::string& key) {
    std::vector<std::string> keys;
    visit_keys(s, [&](const std::string& in, const std::string& name, const auto&, const auto&) {
        if (in == section)
            keys.push_back(name);
        else if (section.empty() && std::find(keys.begin(), keys.end(), in) == keys.end())
            keys.push_back(in);
    });
    if (section.empty()) keys.emplace_back("faults");
    throw scenario_error("unknown key '" + (section.empty() ? key : section + "." + key) + "'; nearest is '" +
                         nearest_word(key, keys) + "'");
}

bool is_section(const std::string& key) {
    return key == "timing" || key == "geometry" || key == "tokenizer" || key == "leak" || key == "chat";
}

void apply_one(scenario& s, const std::string& section, const std::string& key, const json& value) {
    bool known = false;
    visit_keys(s, [&](const std::string& in, const std::string& name, auto& field, const auto& rule) {
        if (in != section || name != key) return;
        known = true;
        read_value(section.empty() ? key : section + "." + key, value, field, rule);
    });
    if (!known) unknown_key(s, section, key);
    if (section == "geometry") s.geometry_given = true;
}

json number_of(const char* name, const char* text) {
    try {
        auto value = json::parse(text);
        if (value.is_number()) return value;
    } catch (const json::exception& problem) {
        throw scenario_error(std::string(name) + ": " + problem.what());
    }
    throw scenario_error(std::string(name) + " must be a number");
}

void apply_variable(scenario& s, const char* variable, const char* section, const char* key, bool number) {
    const char* text = std::getenv(variable);
    if (text == nullptr || *text == '\0') return;
    try {
        apply_one(s, section, key, number ? number_of(variable, text) : json(text));
    } catch (const scenario_error& problem) {
        throw scenario_error(std::string(variable) + ": " + problem.what());
    }
}

}  // namespace

std::string nearest_word(const std::string& word, const std::vector<std::string>& candidates) {
    std::string best;
    std::size_t best_cost = static_cast<std::size_t>(-1);
    for (const auto& candidate : candidates) {
        std::vector<std::size_t> row(candidate.size() + 1);
        std::iota(row.begin(), row.end(), std::size_t{0});
        for (std::size_t i = 1; i <= word.size(); ++i) {
            std::size_t diagonal = row[0]++;
            for (std::size_t j = 1; j <= candidate.size(); ++j) {
                const std::size_t change = diagonal + (word[i - 1] == candidate[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
            }
        }
        if (row.back() < best_cost) {
            best_cost = row.back();
            best = candidate;
        }
    }
    return best;
}

void apply_changes(scenario& target, const json& changes) {
    if (!changes.is_object()) throw scenario_error("a scenario must be a JSON object");
    scenario next = target;
    for (const auto& [key, value] : changes.items()) {
        if (key == "faults") continue;
        if (!is_section(key)) {
            apply_one(next, "", key, value);
            continue;
        }
        if (!value.is_object()) bad_value(key, "an object");
        for (const auto& [inner, inner_value] : value.items()) apply_one(next, key, inner, inner_value);
    }
    target = next;
}

json to_json(const scenario& source) {
    json out = json::object();
    visit_keys(source,
               [&](const std::string& section, const std::string& key, const auto& field, const auto&) {
                   if (section.empty())
                       out[key] = field;
                   else
                       out[section][key] = field;
               });
    return out;
}

json load_from_environment(scenario& target) {
    json faults = json::object();
    if (const char* path = std::getenv("CORRAL_SIM_SCENARIO"); path != nullptr && *path != '\0') {
        std::ifstream file(path);
        if (!file) throw scenario_error(std::string(path) + ": cannot be read");
        json parsed;
        try {
            parsed = json::parse(file);
            apply_changes(target, parsed);
        } catch (const std::exception& problem) {
            throw scenario_error(std::string(path) + ": " + problem.what());
        }
        if (parsed.contains("faults")) faults = parsed["faults"];
    }
    apply_variable(target, "CORRAL_SIM_BUILD", "", "build", false);
    apply_variable(target, "CORRAL_SIM_MODE", "", "mode", false);
    apply_variable(target, "CORRAL_SIM_TOKENS_PER_SECOND", "timing", "tokens_per_second", true);
    apply_variable(target, "CORRAL_SIM_LOAD_MS", "timing", "load_ms", true);
    apply_variable(target, "CORRAL_SIM_PREFILL_MS", "timing", "prefill_ms_per_chunk", true);
    apply_variable(target, "CORRAL_SIM_FAMILY", "tokenizer", "family", false);
    return faults;
}

}  // namespace corral::sim
