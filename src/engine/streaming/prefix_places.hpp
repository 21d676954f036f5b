#pragma once
// Whose prompts a server that keeps what it computed has read last, and where: llama-server in slots that a request may
// name, others by their own choice. Picks the place of each run and says whether what is there may be used: by none
// but the owner that asked before, for the time of an answer tells what others asked. Estimates from the texts that
// were sent; the server alone decides what it uses. No I/O.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/traits.hpp"
#include "corral/chat/render.hpp"

namespace corral::engine::streaming {

// A prompt as one text that begins like that of the turn before.
[[nodiscard]] std::string prefix_text(const chat::rendered_prompt& prompt);

class prefix_places {
public:
    prefix_places(catalog::prefix_cache kind, unsigned places)
        : kind_(kind), places_(kind == catalog::prefix_cache::none ? 0 : places) {}

    struct choice {
        std::size_t place = 0;           // for leave()
        std::optional<unsigned> slot{};  // to be named in the request
        bool computes_all = false;       // what is there is somebody else's
    };
    // Of a run that begins now; nothing: the server keeps nothing, or more runs are inside than there are places.
    [[nodiscard]] std::optional<choice> take(std::string text, std::string_view owner);
    // That run is over; `read`: its prompt was accepted.
    void leave(const choice& was, bool read);
    // A new process.
    void forget();
    // One that others may have asked: nothing that is there may be used, by any.
    void doubt();
    // How many bytes of the prompt are there for that owner, in a place that is free.
    [[nodiscard]] std::size_t held(std::string_view text, std::string_view owner) const noexcept;

private:
    struct place {
        std::string text;  // its beginning, at most `most_text`
        std::string owner;
        bool used = false;  // since the process began
        bool taken = false;
        std::uint64_t last = 0;
    };
    [[nodiscard]] static std::size_t worth(const place& at, std::string_view text,
                                           std::string_view owner) noexcept;

    catalog::prefix_cache kind_;
    std::vector<place> places_;
    std::uint64_t uses_ = 0;
};

}  // namespace corral::engine::streaming
