#pragma once
// The {names} in a service's command, environment, working directory and URL, and what is put in their place.
// "{{" and "}}" stand for plain braces. A value that is put in is not looked at again.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/profile.hpp"
#include "corral/core/result.hpp"

namespace corral::catalog {

using placeholder_values = std::map<std::string, std::string>;

// The names in `text`, in order. Fails (errc::invalid) on a brace that belongs to no placeholder.
[[nodiscard]] core::result<std::vector<std::string>> placeholders_in(std::string_view text);

// `text` with every placeholder replaced. Fails (errc::invalid) on an unknown name, which the message names.
[[nodiscard]] core::result<std::string> expand(std::string_view text, const placeholder_values& values);

// Names that exist for every service of `of` beside the model's variables: package, port, vocabulary, devices
// (the cards of this set of processes, "0,1"), <service>_port and <service>_url for each service, and what a
// service brings with it: <name>_port for its further ports, <name>_file for its rendered files.
[[nodiscard]] std::vector<std::string> built_in_placeholders(const profile& of);

// Why a variable of a model or profile can't be called that; empty when it can. Names are a-z, 0-9 and '_', and
// not those of built_in_placeholders().
[[nodiscard]] core::reason variable_name_problem(const std::string& name, const profile& of);

// True when any template of `service` holds {name}. By this the tokenizer tap learns whether it can stand in
// between.
[[nodiscard]] bool mentions(const service_template& service, std::string_view name);

// True when command or environment tell the program its own port, by {port} or by this service's _port and
// _url. Otherwise the port is the program's own, and only the port guard can give it another.
[[nodiscard]] bool chooses_port(const service_template& service);

// True when the port guard gives that service of `of` a private port in place of the one compiled into it.
// Where the guard need not work, only the last service, which nothing else refers to, can be followed to its
// own port.
[[nodiscard]] bool port_is_moved(const profile& of, const service_template& service);

struct expanded_service {
    std::vector<std::string> command;
    std::map<std::string, std::string> environment;
    std::string working_directory;
    std::string url;
    std::string probe_url;     // empty: the probe goes to `url`
    std::string liveness_url;  // the same
    struct file {
        std::filesystem::path path;
        std::string text;
    };
    std::vector<file> files;  // to be there when it starts
};

// Where the rendered file of that name of `service` is, below model.files_folder; one for each set of
// processes.
[[nodiscard]] std::filesystem::path rendered_path(const model_entry& model, const service_template& service,
                                                  const std::string& name);

// Every port that the services of `of` have: as it is said, or `chosen` for those that are found at a start.
[[nodiscard]] std::map<std::string, std::uint16_t> stand_in_ports(const profile& of, std::uint16_t chosen);

// The service of `model` at its real addresses. `ports` holds the port of every service, by name, and its
// further ports by theirs (those that a template leaves at 0 were asked of the kernel by the caller). `urls`
// wins over the templates' own URLs where another service refers to them as {<service>_url}: the tap names
// itself there. Fails (errc::invalid) when a placeholder has no value.
[[nodiscard]] core::result<expanded_service> expand_service(
    const model_entry& model, const service_template& service,
    const std::map<std::string, std::uint16_t>& ports, const std::map<std::string, std::string>& urls = {});

}  // namespace corral::catalog
