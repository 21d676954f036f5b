#include "known_models.hpp"

#include <iostream>
#include <utility>

#include "command_source.hpp"
#include "corral/control/admin_client.hpp"

namespace corral::cli {

namespace {

constexpr core::seconds status_limit{3};

// A daemon whose configuration is another one than was said knows nothing of these models.
bool is_about(const control::admin_json& status, const std::filesystem::path& file) {
    const auto used = status.find("configuration");
    std::error_code unknown;
    const auto full = std::filesystem::absolute(file, unknown).lexically_normal();
    return used != status.end() && used->is_string() && !unknown && full.string() == *used;
}

}  // namespace

known_models look_for_models(const daemon_place& place, const std::map<std::string, std::string>& environment,
                             bool quiet) {
    known_models out;
    control::admin_json question;
    question["verb"] = "status";
    auto status = control::ask_daemon(sockets_of(place, environment), question, status_limit);
    config::configuration_source source = source_of(place.config, environment);
    if (!status) {
        out.silent = status.error().message;
    } else if (!place.config && status->contains("configuration") && (*status)["configuration"].is_string()) {
        source.file = (*status)["configuration"].get<std::string>();
        source.file_may_be_missing = true;
    }
    if (status && is_about(*status, source.file)) {
        out.status = std::move(*status);
    } else if (status) {
        out.silent = "the Corral that runs has another configuration";
    }
    out.file = source.file;
    config::configuration_result read = config::load_configuration(source);
    if (!quiet) {
        for (const catalog::diagnostic& what : read.errors) {
            std::cerr << "error: " << catalog::to_text(what) << '\n';
        }
    }
    out.readable = read.value.has_value();
    if (read.value) {
        out.files = std::move(*read.value);
    }
    return out;
}

}  // namespace corral::cli
