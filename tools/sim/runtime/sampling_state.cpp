#include "runtime/sampling_state.hpp"

#include "runtime/vendor_log.hpp"

namespace corral::sim {
namespace {

constexpr const char* logger = "set_llm_config";

}  // namespace

void sampling_state::load(const nlohmann::json& config) {
    const auto read = [&config](const char* key, auto& field) {
        (config.is_object() && config.contains(key) ? config.at(key) : nlohmann::json()).get_to(field);
    };
    read("enable_temperature", enable_temperature);
    read("temperature", temperature);
    read("enable_repetition_penalty", enable_repetition_penalty);
    read("repetition_penalty", repetition_penalty);
    read("penalty_window", penalty_window);
    read("enable_top_p_sampling", enable_top_p_sampling);
    read("top_p", top_p);
    read("enable_top_k_sampling", enable_top_k_sampling);
    read("top_k", top_k);
}

void sampling_state::apply_request(const nlohmann::json& body) {
    if (body.contains("temperature")) {
        const auto value = body["temperature"].get<float>();
        enable_temperature = value > 0;
        if (value > 0) {
            temperature = static_cast<double>(value);
            log_line(log_level::info, logger, 278, "temperature: %f", temperature);
        } else {
            log_line(log_level::error, logger, 285, "temperature: %f is invalid", static_cast<double>(value));
        }
    }
    if (body.contains("repetition_penalty")) {
        const auto value = body["repetition_penalty"].get<float>();
        if (static_cast<double>(value) - 1.0 < 0.0001) {
            log_line(log_level::info, logger, 295, "repetition_penalty: %f is skip",
                     static_cast<double>(value));
        } else {
            enable_repetition_penalty = true;
            repetition_penalty = static_cast<double>(value);
            log_line(log_level::info, logger, 292, "repetition_penalty: %f", repetition_penalty);
        }
    }
    if (body.contains("top-p")) {
        const auto value = body["top-p"].get<float>();
        enable_top_p_sampling = value > 0 && value < 1;
        enable_top_k_sampling = false;
        if (enable_top_p_sampling) {
            top_p = static_cast<double>(value);
            log_line(log_level::info, logger, 305, "top-p: %f", top_p);
        } else {
            log_line(log_level::error, logger, 312, "top-p: %f is invalid", static_cast<double>(value));
        }
    }
    if (body.contains("top-k")) {
        const auto value = body["top-k"].get<int>();
        enable_top_k_sampling = value > 0;
        enable_top_p_sampling = false;
        if (enable_top_k_sampling) {
            top_k = value;
            log_line(log_level::info, logger, 319, "top-k: %d", top_k);
        } else {
            log_line(log_level::error, logger, 326, "top-k: %d is invalid", value);
        }
    }
}

nlohmann::json sampling_state::to_json() const {
    return {{"enable_temperature", enable_temperature},
            {"temperature", temperature},
            {"enable_repetition_penalty", enable_repetition_penalty},
            {"repetition_penalty", repetition_penalty},
            {"penalty_window", penalty_window},
            {"enable_top_p_sampling", enable_top_p_sampling},
            {"top_p", top_p},
            {"enable_top_k_sampling", enable_top_k_sampling},
            {"top_k", top_k}};
}

}  // namespace corral::sim
