#include "api/ollama/options.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <string>

namespace corral::api::ollama {

namespace {

constexpr unsigned wrong_option_status = 500;

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

void read_options(const nlohmann::ordered_json& options, chat::generation_request& into,
                  decode_problem& problem) {
    const option_reader from(options, problem);
    into.sampling.temperature = from.real("temperature");
    into.sampling.top_p = from.real("top_p");
    into.sampling.repeat_penalty = from.real("repeat_penalty");
    into.sampling.top_k = from.integer("top_k");
    into.sampling.seed = from.integer("seed");
    into.limits.num_predict = from.integer("num_predict");
    into.limits.num_ctx = from.integer("num_ctx");
    into.limits.stops = from.texts("stop");
    // What these runtimes have no use for is still typed as Ollama does it.
    for (const char* key : {"min_p", "typical_p", "presence_penalty", "frequency_penalty"}) {
        static_cast<void>(from.real(key));
    }
    for (const char* key : {"num_batch", "num_gpu", "main_gpu", "num_thread", "draft_num_predict", "num_keep",
                            "repeat_last_n"}) {
        static_cast<void>(from.integer(key));
    }
    from.check_boolean("use_mmap");
}

}  // namespace corral::api::ollama
