#pragma once
// What clients may have done to the packages of this box. The work is another process's; who makes the desk owns it.

#include <memory>
#include <optional>
#include <string>

#include "corral/core/async.hpp"
#include "corral/core/result.hpp"

namespace corral::api {

// How a pull goes, for one who asked for it. When the last of these is gone before its end, the pull is stopped; what
// is on the disk by then is used by the next one.
class pull_watch {
public:
    pull_watch() = default;
    pull_watch(const pull_watch&) = delete;
    pull_watch& operator=(const pull_watch&) = delete;
    virtual ~pull_watch() = default;
    // The next line of progress, {"status":...} without a line break, not more than a few in a second; nothing at the
    // end, when the model is served. Fails with a sentence for the client.
    [[nodiscard]] virtual core::awaitable<core::result<std::optional<std::string>>> next() = 0;
};

class package_desk {
public:
    package_desk() = default;
    package_desk(const package_desk&) = delete;
    package_desk& operator=(const package_desk&) = delete;
    virtual ~package_desk() = default;
    // Begins the pull of `name`, or joins the one that goes on. Fails with limit_exceeded, and with others where it
    // can't be begun.
    [[nodiscard]] virtual core::awaitable<core::result<std::unique_ptr<pull_watch>>> pull(
        std::string name, std::string client) = 0;
    // Unloads a model that a pull brought, and removes it with the files of its package. Fails with `refused` for any
    // other model.
    [[nodiscard]] virtual core::awaitable<core::result<void>> remove(std::string name) = 0;
};

}  // namespace corral::api
