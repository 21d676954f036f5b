#pragma once
// Serves the lists of all boxes to HAProxy, and the figures of sync to Prometheus, from memory, on a thread of its own.

#include <memory>
#include <string>

#include "corral/core/result.hpp"

namespace corral::cli {

// JSON texts.
struct served_lists {
    std::string tags;
    std::string models;
    std::string running;
};

class fleet_lists_port {
public:
    // Nothing listens yet.
    fleet_lists_port();
    fleet_lists_port(const fleet_lists_port&) = delete;
    fleet_lists_port& operator=(const fleet_lists_port&) = delete;
    ~fleet_lists_port();

    // `where`: ADDRESS:PORT. /readyz is 503 until there is something to tell. Fails with a sentence. Call it once.
    [[nodiscard]] core::result<void> listen(const std::string& where);
    // Answers from now on tell these.
    void tell(served_lists now);
    // The page for Prometheus from now on.
    void tell_figures(std::string now);

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

}  // namespace corral::cli
