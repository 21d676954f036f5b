// corral connect [NAME] [--write | --undo | --all].

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <nlohmann/json.hpp>

#include "cli/base/command.hpp"
#include "cli/base/remote_server.hpp"
#include "cli/bench/bench_here.hpp"
#include "cli/chat/chat_question.hpp"
#include "cli/connect/client_table.hpp"
#include "cli/connect/connect_file.hpp"
#include "corral/catalog/diagnostic.hpp"
#include "corral/catalog/model_name.hpp"
#include "corral/control/admin_client.hpp"
#include "corral/core/files.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"
#include "corral/core/server_url.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

namespace fs = std::filesystem;
using control::admin_json;
using environment_map = std::map<std::string, std::string>;

struct connect_options {
    std::string client;
    remote_box box{{}, {}, {}, core::seconds{10}};
    std::string model;
    std::optional<std::string> config;
    std::string output = "corral-clients";
    bool write = false;
    bool undo = false;
    bool all = false;
    bool rows = false;
};

bool is_loopback(const std::string& url) {
    const auto read = core::parse_server_url(url, core::url_schemes::http_and_https);
    const auto* const server = std::get_if<core::server_url>(&read);
    boost::system::error_code name;
    return server != nullptr &&
           (server->host == "localhost" || boost::asio::ip::make_address(server->host, name).is_loopback());
}

// From which this box sends beyond its own network; nothing is sent to find out. Empty without such a route.
std::string address_of_route() {
    using boost::asio::ip::udp;
    boost::asio::io_context io;
    udp::socket probe(io);
    boost::system::error_code failed;
    constexpr std::uint16_t discard = 9;
    const auto elsewhere = boost::asio::ip::make_address_v4("192.0.2.1");  // of documentation (RFC 5737)
    probe.connect({elsewhere, discard}, failed);
    const udp::endpoint own = failed ? udp::endpoint() : probe.local_endpoint(failed);
    return failed || own.address().is_loopback() ? "" : own.address().to_string();
}

// The address of this box in its network. The route comes first, for a bridge of containers is an interface too.
std::string network_address() {
    std::string out = address_of_route();
    if (!out.empty()) {
        return out;
    }
    ifaddrs* first = nullptr;
    if (::getifaddrs(&first) != 0) {
        return out;
    }
    for (const ifaddrs* each = first; each != nullptr; each = each->ifa_next) {
        const bool usable = each->ifa_addr != nullptr && each->ifa_addr->sa_family == AF_INET &&
                            (each->ifa_flags & IFF_LOOPBACK) == 0 && (each->ifa_flags & IFF_UP) != 0;
        if (usable && out.empty()) {
            const auto* const four = reinterpret_cast<const sockaddr_in*>(each->ifa_addr);
            out = boost::asio::ip::address_v4(ntohl(four->sin_addr.s_addr)).to_string();
        }
    }
    ::freeifaddrs(first);
    return out;
}

// Of the running Corral, else of the one that the configuration describes; as clients in its network reach it.
std::string own_url(const known_models& known) {
    std::string out = listening_url(known);
    for (const std::string_view any : {"://0.0.0.0:", "://[::]:"}) {
        if (const auto found = out.find(any); found != std::string::npos) {
            const std::string host = network_address();
            out.replace(found, any.size(), "://" + (host.empty() ? "127.0.0.1" : host) + ":");
        }
    }
    return out;
}

bool writes_text(const admin_json& model) {
    const admin_json& all = core::list_at(model, "capabilities");
    return all.empty() || std::ranges::find(all, admin_json("completion")) != all.end();
}

// The model that was named, else the first that is loaded, else the first.
core::result<admin_json> choose_model(const admin_json& listing, const std::string& typed,
                                      const std::string& url) {
    std::vector<std::string> names;
    const admin_json* chosen = nullptr;
    for (const admin_json& one : core::list_at(listing, "data")) {
        names.push_back(telemetry::printable(core::text_at(one, "id")));
        const bool fits = typed.empty() ? writes_text(one) : catalog::same_model(names.back(), typed);
        if (fits &&
            (chosen == nullptr || (!core::flag_at(*chosen, "loaded") && core::flag_at(one, "loaded")))) {
            chosen = &one;
        }
    }
    if (chosen == nullptr && !typed.empty()) {
        return core::make_failure(core::errc::not_found, catalog::no_such_model(typed, names));
    }
    if (chosen == nullptr) {
        return core::make_failure(core::errc::not_found, core::say("connect.model/none", url));
    }
    return *chosen;
}

core::result<box_facts> look_at_box(const connect_options& options, const environment_map& environment) {
    remote_box at = options.box;
    if (at.url.empty()) {
        daemon_place place;
        place.config = options.config;
        const known_models known = look_for_models(place, environment);
        at.url = own_url(known);
        at.is_here = at.ca_file.empty() && known.files.tls;
        if (at.is_here) {
            at.ca_file = known.files.tls->certificate.string();
        }
    }
    const auto listing = ask_remote(at, "/v1/models", {}, environment);
    if (!listing) {
        const bool silent = listing.error().code == boost::asio::error::connection_refused;
        return silent && options.box.url.empty()
                   ? core::make_failure(core::errc::unavailable, control::not_running())
                   : listing.error();
    }
    const auto model = choose_model(*listing, options.model, at.url);
    if (!model) {
        return model.error();
    }
    constexpr std::uint32_t usual_window = 4096;  // of a server that reports none
    box_facts out;
    while (at.url.ends_with('/')) {
        at.url.pop_back();
    }
    out.url = at.url;
    out.model = core::text_at(*model, "id");
    const auto window = core::number_at<std::uint32_t>(*model, "context_length");
    out.window = window.value_or(usual_window);
    out.window_known = window.has_value();
    out.prompt = core::number_at<std::uint32_t>(*model, "max_input_tokens").value_or(0);
    out.key = !options.box.key_file.empty() || environment.contains("OLLAMA_API_KEY");
    const admin_json& can = core::list_at(*model, "capabilities");
    out.tools = std::ranges::find(can, admin_json("tools")) != can.end();
    out.vision = std::ranges::find(can, admin_json("vision")) != can.end();
    if (!is_plain_word(out.model) || !is_plain_word(out.url)) {
        return core::make_failure(core::errc::invalid, core::say("connect.model/odd-name", at.url));
    }
    return out;
}

// What a person reads: the file, and what to do.
std::string client_text(const client_entry& client, const box_facts& box, const std::string& file) {
    std::string out =
        "# " + std::string(client.title) + (client.kind == client_file::none ? "" : ": " + file) + "\n";
    out += fill_in(client.text, box, file);
    return out + (client.text.empty() ? "" : "\n") + fill_in(client.steps, box, file);
}

std::string usual_place(const client_entry& client) {
    return "~/" + std::string(client.folder) + (client.folder.empty() ? "" : "/") + std::string(client.file);
}

int write_all(const connect_options& options, const box_facts& box) {
    const auto put = [](const fs::path& file, const std::string& text) -> core::result<void> {
        if (const auto made = core::make_private_folder(file.parent_path()); !made) {
            return made.error();
        }
        constexpr mode_t for_its_owner = 0600;
        return core::replace_private_file(file, {text, for_its_owner, ::geteuid(), ::getegid()});
    };
    for (const client_entry& one : client_table()) {
        const fs::path folder = fs::absolute(options.output) / one.name;
        auto written = put(folder / "README.txt", client_text(one, box, usual_place(one)));
        if (written && one.kind != client_file::none) {
            written = put(folder / fs::path(one.file).filename(), fill_in(one.text, box, usual_place(one)));
        }
        if (!written) {
            return fail(written.error().message);
        }
    }
    std::cout << "wrote " << options.output << ": a folder for each of " << client_table().size()
              << " clients, with a README.txt that says what to do\n";
    return succeeded;
}

int undo(const client_entry& client, const environment_map& environment) {
    const auto done = undo_client_file(client, environment);
    if (!done) {
        return fail(done.error().message);
    }
    std::cout << telemetry::printable(done->string(), 1000) << " is as it was before\n";
    return succeeded;
}

int show_or_write(const connect_options& options, const client_entry& client, const box_facts& box,
                  const environment_map& environment) {
    const auto place = place_of_client(client, environment);
    const std::string file =
        client.kind == client_file::none || !place ? usual_place(client) : place->string();
    if (!options.write) {
        std::cout << client_text(client, box, file);
        return succeeded;
    }
    if (client.kind == client_file::none) {
        return fail(core::say("connect.place/by-hand", client.title, client.name));
    }
    const auto change = plan_client_file(client, fill_in(client.text, box, file), environment);
    if (!change) {
        return fail(change.error().message);
    }
    const std::string shown = difference_of(change->now.text, change->after);
    std::cout << "# " << file << (change->there ? "" : ", a new file") << '\n'
              << (shown.empty() ? "nothing to change\n" : shown) << std::flush;
    if (!shown.empty() || !change->there) {
        if (const auto written = write_client_file(*change); !written) {
            return fail(written.error().message);
        }
        std::cout << "written; 'corral connect " << client.name << " --undo' takes it back\n";
    }
    std::cout << '\n' << fill_in(client.steps, box, file);
    return succeeded;
}

int list_clients() {
    for (const client_entry& one : client_table()) {
        std::cout << fmt::format("{:<16}{}\n", one.name, one.title);
    }
    return succeeded;
}

int connect(const connect_options& options, const environment_map& environment) {
    if (options.rows) {
        std::cout << client_rows();
        return succeeded;
    }
    if (options.client.empty() && !options.all) {
        return list_clients();
    }
    const client_entry* const client = find_client(options.client);
    if (client == nullptr && !options.all) {
        std::vector<std::string> names;
        for (const client_entry& one : client_table()) {
            names.emplace_back(one.name);
        }
        const std::string meant = catalog::nearest(options.client, names);
        const std::string typed = telemetry::printable(options.client);
        return fail(meant.empty() ? core::say("connect.client/none", typed)
                                  : core::say("connect.client/meant", typed, meant),
                    wrong_words);
    }
    if (options.undo) {
        return undo(*client, environment);
    }
    const auto box = look_at_box(options, environment);
    if (!box) {
        return fail(box.error().message);
    }
    if (options.all && is_loopback(box->url)) {
        std::cerr << box->url << " is reached on this box only: --url names it for other machines, once it "
                  << "listens there.\n";
    }
    if (box->url.starts_with("https:")) {
        std::cerr << "A client must trust the certificate of " << box->url
                  << ": NODE_EXTRA_CA_CERTS or SSL_CERT_FILE names one that its system does not trust.\n";
    }
    if (!box->window_known) {
        std::cerr << box->url << " doesn't report how many tokens " << box->model
                  << " reads (a model of an Axera package is known once it was loaded): " << box->window
                  << " are assumed.\n";
    }
    return options.all ? write_all(options, *box) : show_or_write(options, *client, *box, environment);
}

}  // namespace

void add_connect_command(CLI::App& program, command_context& context) {
    const auto asked = std::make_shared<connect_options>();
    CLI::App* one = program.add_subcommand(
        "connect", "Print or write a client's settings for using this box; without a client, list all");
    CLI::Option* const client = one->add_option("client", asked->client, "Client, e.g. opencode");
    client->type_name("CLIENT");
    CLI::Option* const write =
        one->add_flag("--write", asked->write, "Merge the settings into the client's file; shows a diff");
    CLI::Option* const undo =
        one->add_flag("--undo", asked->undo, "Restore the client's file to what it was before");
    CLI::Option* const all =
        one->add_flag("--all", asked->all, "Write the settings of all clients into a folder");
    write->needs(client)->excludes(undo);
    undo->needs(client);
    all->excludes(client);
    one->add_option("--output", asked->output, "Folder for --all")
        ->type_name("DIR")
        ->capture_default_str()
        ->needs(all);
    one->add_option("--model", asked->model, "Model; default: the first loaded one")->type_name("MODEL");
    one->add_option("--url", asked->box.url,
                    "Server address as clients reach it, http://HOST:PORT; default: from the configuration")
        ->type_name("URL")
        ->check(mistake_in_address);
    one->add_option("--key-file", asked->box.key_file,
                    "File whose first line is the API key for asking the server; default: OLLAMA_API_KEY. "
                    "The key is never written anywhere")
        ->type_name("FILE");
    one->add_option("--ca-file", asked->box.ca_file, "CA certificates (PEM) to trust instead of the system's")
        ->type_name("FILE");
    one->add_option("--config", asked->config, "The daemon's configuration file, to find its address")
        ->type_name("FILE");
    one->add_flag("--rows", asked->rows, "Print as table rows for a page")->group("");
    one->parse_complete_callback([asked, &context] {
        context.run = [asked, &context] { return connect(*asked, context.environment); };
    });
}

}  // namespace corral::cli
