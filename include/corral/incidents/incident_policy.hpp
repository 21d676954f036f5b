#pragma once
// What of the steps of a model's services is one incident, when its story is complete, and whether it is
// worth a bundle. Decides only.

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "corral/core/time.hpp"
#include "corral/supervisor/service_status.hpp"

namespace corral::incidents {

struct incident {
    supervisor::trouble kind = supervisor::trouble::none;  // the worst of it: a breaker that opened wins
    supervisor::transition_record first;                   // what began it
    std::vector<supervisor::transition_record> further;    // troubles after that; bounded
    std::size_t troubles = 0;                              // all of them, the first included
};

// Gathers what goes wrong with one model within a short time: a tokenizer that takes its runtime along is one
// incident.
class incident_watch {
public:
    // Without trouble for so long, and each service that failed seen to its end, the story is complete.
    static constexpr core::milliseconds quiet{400};
    // Whatever happens: a process can be stuck in a driver, and a storm need not end.
    static constexpr core::milliseconds longest{15'000};

    // In order. True when this began an incident.
    bool note(const supervisor::transition_record& record);
    // When the open incident is complete; nothing without one.
    [[nodiscard]] std::optional<core::steady_time> due() const;
    // The open incident, which is over now.
    [[nodiscard]] std::optional<incident> take();

private:
    static constexpr std::size_t most_further = 16;
    std::optional<incident> open_;
    core::steady_time last_;
    std::set<std::string> ending_;  // services that failed and are not gone yet
};

// How many bundles may be written. Over all models.
class incident_ration {
public:
    static constexpr std::size_t most_a_minute = 6;
    // A model that does not start fails again and again for one cause; more than its first failure and its
    // open breaker would only push out what is worth keeping.
    static constexpr std::chrono::hours same_again{6};

    [[nodiscard]] bool grant(const std::string& model, const incident& what, core::steady_time now);
    // What goes wrong with that service from here on is news.
    void on_ready(const std::string& model, const std::string& service);
    // Incidents refused since the last one that was granted; begins anew.
    [[nodiscard]] std::size_t take_refused() noexcept { return std::exchange(refused_, 0); }

private:
    using failing = std::pair<std::string, std::string>;  // model, service
    [[nodiscard]] bool is_repeated(const std::string& model, const incident& what,
                                   core::steady_time now) const;

    std::deque<core::steady_time> granted_;  // of the last minute
    std::map<failing, std::map<supervisor::trouble, core::steady_time>> never_ready_;
    std::size_t refused_ = 0;
};

}  // namespace corral::incidents
