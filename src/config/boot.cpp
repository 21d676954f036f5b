#include "corral/config/boot.hpp"

#include <algorithm>
#include <utility>

#include "corral/config/last_good.hpp"
#include "corral/config/server_places.hpp"
#include "corral/core/say.hpp"

namespace corral::config {

namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& file) {
    std::error_code unreadable;
    return fs::exists(file, unreadable);
}

configuration_result read_apart(configuration_source source, std::optional<std::string> text) {
    source.text = std::move(text);
    source.leaves_out_models = true;
    return load_configuration(source);
}

// `said`: the reading of the file, which is no good.
configuration_result in_its_place(configuration_result read, const configuration_result& said,
                                  std::string served) {
    read.value->in_place = stand_in{std::move(served), said.errors, false};
    read.text = said.text;
    return read;
}

// What the file says of its door is not known where it says nothing at all; then all is as it was before.
bool door_differs(const std::string& said, const std::string& copy) {
    return !is_wiped(said) && door_lines(said) != door_lines(copy);
}

}  // namespace

configuration_result load_for_boot(configuration_source source) {
    source.waits_for_credentials = true;
    configuration_result said = load_configuration(source);
    const bool wiped = said.value && is_wiped(said.text) && is_there(source.file);
    if (said.value && !wiped) {
        return said;
    }
    const fs::path state =
        configured_state_directory(source.file).value_or(usual_state_directory(source.environment));
    const auto copy = state.empty()
                          ? core::result<last_good>(core::make_failure(
                                core::errc::not_found, core::say("configuration.stands-in/folder-last")))
                          : read_last_good(state, source.file);
    if (wiped && (!copy || is_wiped(copy->text))) {
        return said;
    }
    if (wiped) {
        said.errors.push_back({source.file.string(), 0, 0, core::say("configuration.wiped")});
        said.value.reset();
    }
    if (copy) {
        const std::string name = "its last good copy, of " + copy->written;
        configuration_source again = source;
        again.text = copy->text;
        configuration_result read = load_configuration(again);
        const bool whole = read.value.has_value();
        if (!whole) {
            read = read_apart(source, copy->text);
        }
        if (read.value) {
            auto out =
                in_its_place(std::move(read), said, whole ? name : name + ", without its models at fault");
            out.value->in_place->door_differs = door_differs(said.text, copy->text);
            return out;
        }
    }
    if (auto read = read_apart(source, std::nullopt); read.value && !wiped) {
        return in_its_place(std::move(read), said, "the file without its models at fault");
    }
    // Of the command line and of the environment no copy could stand in for.
    const auto is_of_file = [&](const catalog::diagnostic& one) {
        return one.file != "--listen" && one.file != "OLLAMA_HOST";
    };
    if (!copy && std::ranges::any_of(said.errors, is_of_file)) {
        said.errors.push_back({source.file.string(), 0, 0, copy.error().message});
    }
    return said;
}

}  // namespace corral::config
