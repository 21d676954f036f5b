#pragma once

#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "fault_catalog.hpp"

// Which faults are on, shared by all threads of a simulated program.
namespace corral::sim {

class fault_switches {
public:
    explicit fault_switches(fault_program program) : program_(program) {}

    // `on`: true, false, "once" or a positive number of times. Throws scenario_error for an unknown fault or
    // argument. Returns false when the fault belongs to the other program.
    bool set(const std::string& name, const nlohmann::json& on, const nlohmann::json& args);
    // The `faults` object of a scenario: faults of the other program are passed over.
    void set_all(const nlohmann::json& faults);

    // True while on; consumes nothing.
    bool active(std::string_view name) const;
    // The arguments if on (and `route`, when both sides name one, matches); one firing is consumed.
    std::optional<nlohmann::json> fire(std::string_view name, std::string_view route = {});
    // The same for a fault with a phase that fires once `count` has reached its `after`.
    std::optional<nlohmann::json> fire_at(std::string_view name, std::string_view phase, int count = 0);
    // As fire_at, without consuming.
    bool waits_at(std::string_view name, std::string_view phase, int count = 0) const;

    nlohmann::json active_faults() const;

private:
    struct armed {
        int remaining = 0;  // -1: for ever
        nlohmann::json args;
    };
    using armed_map = std::map<std::string, armed, std::less<>>;

    static bool matches_phase(const armed& fault, std::string_view phase, int count);
    std::optional<nlohmann::json> consume(armed_map::iterator at);

    fault_program program_;
    mutable std::mutex mutex_;
    armed_map armed_;
};

}  // namespace corral::sim
