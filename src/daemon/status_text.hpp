#pragma once
// The line that `systemctl status` shows, and what it is made from. No I/O.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "corral/core/time.hpp"
#include "corral/engine/backend.hpp"

namespace corral::daemon {

enum class model_phase {
    unloaded,
    loading,
    ready,
    waiting,  // before it is started again
    broken,
};

struct model_view {
    std::string name;
    model_phase phase = model_phase::unloaded;
    std::optional<double> progress;         // of a load, 0..1
    std::optional<core::seconds> left;      // of a load
    std::optional<core::seconds> next_try;  // until then, waiting and broken
    std::string reason;                     // why waiting or broken; any length, not to be trusted
};

// A model as its backend and its services stand now.
[[nodiscard]] model_view view_of(engine::backend& runtime, core::steady_time now);

// "loading qwen3:4b 62 %, about 40 s left; smollm:latest ready; 1 running, 3 waiting". One line of at most
// 400 bytes.
[[nodiscard]] std::string status_text(const std::vector<model_view>& models, std::size_t running,
                                      std::size_t waiting);

// "https://127.0.0.1:11434"
[[nodiscard]] std::string url_of(const boost::asio::ip::tcp::endpoint& where, bool tls);

}  // namespace corral::daemon
