#pragma once
// The other end of the admin socket, for programs that have nothing else to do: it blocks.

#include <filesystem>
#include <functional>
#include <vector>

#include "corral/control/admin_socket.hpp"
#include "corral/core/owned_fd.hpp"

namespace corral::control {

// Asks the first of `places` where somebody listens. Fails with a sentence for people when nobody does, when
// the answer is none, or when none has come after `longest`.
[[nodiscard]] core::result<admin_json> ask_daemon(const std::vector<std::filesystem::path>& places,
                                                  const admin_json& asked, core::seconds longest);

// The same for a verb whose answer goes on: each object is given to `take` until that says false or an object
// has "end". A refusal is one object too. Fails also when nothing comes for `longest`.
[[nodiscard]] core::result<void> follow_daemon(const std::vector<std::filesystem::path>& places,
                                               const admin_json& asked, core::seconds longest,
                                               const std::function<bool(const admin_json&)>& take);

// The process that listens there, as a descriptor that is readable once it has ended (pidfd_open(2)); none where
// nobody listens, or the kernel has no such thing.
[[nodiscard]] core::owned_fd process_of_daemon(const std::vector<std::filesystem::path>& places);

}  // namespace corral::control
