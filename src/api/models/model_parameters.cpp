#include "api/models/model_parameters.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "corral/core/say.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::api {

namespace {

constexpr unsigned wrong_option_status = 500;
constexpr std::size_t most_unused = 32;
constexpr std::size_t longest_name = 64;

// docs/facts/ollama_wire.md#options, beside those of chat::sampling_options.
constexpr std::array<std::pair<std::string_view, std::optional<std::int64_t> chat::limits::*>, 2>
    limit_options{{
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
    return key == "stop" ||
           std::ranges::find(chat::sampling_options, key, &chat::sampling_option::name) !=
               chat::sampling_options.end() ||
           std::ranges::any_of(limit_options, [key](const auto& row) { return key == row.first; });
}

void wrong_type(std::string_view key, std::string_view wanted, decode_problem& problem) {
    problem.set(core::say("request.field-value/option", key, wanted), wrong_option_status);
}

class option_reader {
public:
    option_reader(const nlohmann::ordered_json& options, decode_problem& problem)
        : options_(options), problem_(problem) {}

    // Go keys of `options` are exact.
    [[nodiscard]] const nlohmann::ordered_json* find(std::string_view key) const {
        const auto found = options_.find(std::string(key));
        return found == options_.end() || found->is_null() ? nullptr : &*found;
    }
    [[nodiscard]] std::optional<double> real(std::string_view key) const {
        const auto* value = find(key);
        if (value != nullptr && !value->is_number()) {
            wrong_type(key, "of type float32", problem_);
            return std::nullopt;
        }
        return value == nullptr ? std::nullopt : std::optional(value->get<double>());
    }
    // Any number; a fraction is cut.
    [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key) const {
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
    // Of the option's type; what is absent stays as it is.
    void read(const chat::sampling_option& option, chat::sampling& into) const {
        if (const auto* member = std::get_if<std::optional<double> chat::sampling::*>(&option.value)) {
            if (const auto value = real(option.name)) {
                into.** member = value;
            }
        } else if (const auto value = integer(option.name)) {
            into.*std::get<std::optional<std::int64_t> chat::sampling::*>(option.value) = value;
        }
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
    for (const chat::sampling_option& option : chat::sampling_options) {
        from.read(option, sampling);
    }
    for (const auto& [key, member] : limit_options) {
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
