#pragma once
// How fast it goes, and how long it still takes.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "corral/core/time.hpp"

namespace corral::pull {

// Of the last seconds, so that a pause shows and a burst does not promise.
class rate_meter {
public:
    void tell(core::steady_time now, std::uint64_t completed);
    // Bytes a second; nothing while there is too little to say.
    [[nodiscard]] std::optional<double> rate() const;
    [[nodiscard]] std::optional<core::seconds> left(std::uint64_t total) const;

private:
    std::deque<std::pair<core::steady_time, std::uint64_t>> seen_;
};

// "4.2 GB", "512 kB", "17 bytes"
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

}  // namespace corral::pull
