#include "api/models/model_parameters.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "corral/telemetry/log.hpp"

namespace corral::api {

namespace {

constexpr unsigned wrong_option_status = 500;
constexpr std::size_t most_unused = 32;
constexpr std::size_t longest_name = 64;

template <typename Owner, typename Value>
using parameter_row = std::pair<const char*, std::optional<Value> Owner::*>;

// docs/facts/ollama_wire.md#options.
constexpr std::array<parameter_row<chat::sampling, double>, 6> real_parameters{{
    {"temperature", &chat::sampling::temperature},
    {"top_p", &chat::sampling::top_p},
    {"min_p", &chat::sampling::min_p},
    {"repeat_penalty", &chat::sampling::repeat_penalty},
    {"presence_penalty", &chat::sampling::presence_penalty},
    {"frequency_penalty", &chat::sampling::frequency_penalty},
}};
constexpr std::array<parameter_row<chat::sampling, std::int64_t>, 3> whole_parameters{{
    {"top_k", &chat::sampling::top_k},
    {"repeat_last_n", &chat::sampling::repeat_last_n},
    {"seed", &chat::sampling::seed},
}};
constexpr std::array<parameter_row<chat::limits, std::int64_t>, 2> limit_parameters{{
    {"num_predict", &chat::limits::num_predict},
    {"num_ctx", &chat::limits::num_ctx},
}};
constexpr std::array<const char*, 6> idle_parameters{"num_batch",  "num_gpu",           "main_gpu",
                                                     "num_thread", "draft_num_predict", "num_keep"};
// Ollama had these once; clients go on sending them.
constexpr std::array<std::string_view, 15> forgotten_parameters{"mirostat",
                                                                "mirostat_eta",
                                                                "mirostat_tau",
                                                                "tfs_z",
                                                                "penalize_newline",
                                                                "numa",
                                                                "low_vram",
                                                                "f16_kv",
                                                                "logits_all",
                                                                "vocab_only",
                                                                "use_mlock",
                                                                "embedding_only",
                                                                "num_gqa",
                                                                "rope_frequency_base",
                                                                "rope_frequency_scale"};

bool is_forgotten(std::string_view key) {
    return std::ranges::find(forgotten_parameters, key) != forgotten_parameters.end();
}

bool is_used(std::string_view key) {
    const auto named = [key](const auto& row) { return key == row.first; };
    return key == "stop" || std::ranges::any_of(real_parameters, named) ||
           std::ranges::any_of(whole_parameters, named) || std::ranges::any_of(limit_parameters, named);
}

void wrong_type(std::string_view key, std::string_view wanted, decode_problem& problem) {
    problem.set("option \"" + std::string(key) + "\" must be " + std::string(wanted), wrong_option_status);
}

class option_reader {
public:
    option_reader(const nlohmann::ordered_json& options, decode_problem& problem)
        : options_(options), problem_(problem) {}

    // Go keys of `options` are exact.
    [[nodiscard]] const nlohmann::ordered_json* find(const char* key) const {
        const auto found = options_.find(key);
        return found == options_.end() || found->is_null() ? nullptr : &*found;
    }
    [[nodiscard]] std::optional<double> real(const char* key) const {
        const auto* value = find(key);
        if (value != nullptr && !value->is_number()) {
            wrong_type(key, "of type float32", problem_);
            return std::nullopt;
        }
        return value == nullptr ? std::nullopt : std::optional(value->get<double>());
    }
    // Any number; a fraction is cut.
    [[nodiscard]] std::optional<std::int64_t> integer(const char* key) const {
        const auto* value = find(key);
        if (value == nullptr) {
            return std::nullopt;
        }
        if (!value->is_number()) {
            wrong_type(key, "of type integer", problem_);
            return std::nullopt;
        }
        constexpr double most = 9e15;  // whole numbers beyond are not exact in JSON anyway
        return static_cast<std::int64_t>(std::trunc(std::fmin(std::fmax(value->get<double>(), -most), most)));
    }
    void check_boolean(const char* key) const {
        const auto* value = find(key);
        if (value != nullptr && !value->is_boolean()) {
            wrong_type(key, "of type boolean", problem_);
        }
    }
    [[nodiscard]] std::vector<std::string> texts(const char* key) const {
        std::vector<std::string> out;
        const auto* value = find(key);
        if (value == nullptr) {
            return out;
        }
        if (!value->is_array()) {
            wrong_type(key, "of type array", problem_);
            return out;
        }
        for (const auto& each : *value) {
            if (!each.is_string()) {
                wrong_type(key, "of an array of strings", problem_);
                return {};
            }
            if (!each.get_ref<const std::string&>().empty()) {
                out.push_back(each.get<std::string>());
            }
        }
        return out;
    }

private:
    const nlohmann::ordered_json& options_;
    decode_problem& problem_;
};

}  // namespace

void read_parameters(const nlohmann::ordered_json& given, chat::sampling& sampling, chat::limits& limits,
                     decode_problem& problem) {
    const option_reader from(given, problem);
    for (const auto& [key, member] : real_parameters) {
        if (const auto value = from.real(key)) {
            sampling.*member = value;
        }
    }
    for (const auto& [key, member] : whole_parameters) {
        if (const auto value = from.integer(key)) {
            sampling.*member = value;
        }
    }
    for (const auto& [key, member] : limit_parameters) {
        if (const auto value = from.integer(key)) {
            limits.*member = value;
        }
    }
    if (from.find("stop") != nullptr) {
        limits.stops = from.texts("stop");
        limits.stops_given = true;
    }
    // What these runtimes have no use for is still typed as Ollama does it.
    for (const char* key : idle_parameters) {
        static_cast<void>(from.integer(key));
    }
    from.check_boolean("use_mmap");
}

std::vector<std::string> unused_parameters(const nlohmann::ordered_json& given) {
    std::vector<std::string> out;
    for (const auto& [key, value] : given.items()) {
        if (!value.is_null() && !is_used(key) && !is_forgotten(key) && out.size() < most_unused) {
            out.push_back(telemetry::printable(key, longest_name));
        }
    }
    return out;
}

}  // namespace corral::api
