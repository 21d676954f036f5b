#pragma once
// What a pull prints and who has seen how much of it: each status once and in order, the figures of the one that goes
// on a few times a second, whoever reads slowly. No clock and no process in here.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/time.hpp"

namespace corral::daemon {

class pull_progress {
public:
    // A line of `corral pull --json`; what is none is passed over.
    void add(std::string_view line);
    // As the command said it; empty: it did not.
    [[nodiscard]] const std::string& error() const noexcept { return error_; }
    [[nodiscard]] bool succeeded() const noexcept { return succeeded_; }

    // The place of one reader.
    struct place {
        std::size_t at = 0;
        std::uint64_t seen = 0;  // which version of the line there; 0: none
        core::steady_time sent;
    };
    struct step {
        std::optional<std::string> line;         // to be sent now
        std::optional<core::steady_time> again;  // else ask again then; nothing: when there is more
    };
    // `over`: no line will come any more.
    [[nodiscard]] step next(place& reader, core::steady_time now, bool over) const;

private:
    struct entry {
        std::string status;
        std::string line;
        std::uint64_t version = 1;
    };
    std::vector<entry> entries_;
    std::string error_;
    bool succeeded_ = false;
};

}  // namespace corral::daemon
