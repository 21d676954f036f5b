// The daemon's parts that let a person, or a new configuration, change it while it runs.

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>

#include "admin_verbs.hpp"
#include "box_desk.hpp"
#include "corral/core/say.hpp"
#include "corral/daemon/daemon.hpp"
#include "corral/process/own_process.hpp"
#include "corral/telemetry/log.hpp"
#include "local_users.hpp"
#include "status_text.hpp"

namespace corral::daemon {

namespace {

// Whether one that keeps a reload waiting has been given up.
constexpr core::milliseconds look_for_upgrade{500};

std::string absolute_text(const std::filesystem::path& file) {
    std::error_code unknown_folder;  // then it stays as it was said
    const auto full = std::filesystem::absolute(file, unknown_folder);
    return (unknown_folder ? file : full).lexically_normal().string();
}

// A reload changes nothing where a start would wait.
config::configuration_source strict(config::configuration_source of) {
    of.waits_for_credentials = false;
    return of;
}

// The exchange keeps its keys while a reload may put others in their place.
core::awaitable<void> serve_holding(std::shared_ptr<const config::credential_files> keys, http::handler serve,
                                    http::request& incoming, http::response_writer& out) {
    co_await serve(incoming, out);
    keys.reset();
}

core::awaitable<void> refuse_stranger(http::response_writer& out) {
    http::response refused;
    refused.status = 403;
    refused.content_type = "application/json; charset=utf-8";
    refused.body = nlohmann::json{{"error", core::say("command.may-not-ask/only")}}.dump();
    co_await out.send(std::move(refused));
}

}  // namespace

std::string daemon::own_program() const {
    return how_started_.program.empty() ? process::program_beside("corral").string() : how_started_.program;
}

// For commands that this server starts. The usual file that was never written is none of a name: they look there
// themselves, as this server did.
std::vector<std::string> daemon::own_place() const {
    std::vector<std::string> out;
    std::error_code unknown;
    if (!source_.file_may_be_missing || std::filesystem::exists(source_.file, unknown)) {
        out.insert(out.end(), {"--config", absolute_text(source_.file)});
    }
    return out;
}

std::vector<std::string> daemon::own_server() const {
    return settings_.admin_socket.empty()
               ? std::vector<std::string>()
               : std::vector<std::string>{"--socket", absolute_text(settings_.admin_socket)};
}

// One that was made stays, for the pulls that go on.
api::package_desk* daemon::desk_of_packages() {
    if (desk_ == nullptr) {
        desk_options how;
        how.program = own_program();
        how.place = own_place();
        std::ranges::move(own_server(), std::back_inserter(how.place));
        desk_ = std::make_unique<package_desk>(service_tasks_, clock_, *supervision_.guard, std::move(how));
    }
    return desk_.get();
}

// nullptr: the system gives no random numbers.
config::session_seal* daemon::sessions_of_browsers() {
    if (!sessions_) {
        auto made = config::session_seal::load(settings_.state_directory);
        if (!made) {
            const core::reason said = core::say("page.no-sessions", made.error());
            telemetry::warn(said, "{} event=session.none", said);
            return nullptr;
        }
        sessions_ = *std::move(made);
    }
    return &*sessions_;
}

box_desk* daemon::desk_of_box() {
    if (box_desk_ == nullptr) {
        box_desk_parts parts;
        parts.admin = &admin_context_;
        parts.journal = &journal_;
        parts.speeds = &speeds_;
        parts.guard = supervision_.guard;
        parts.keys_file = [this] { return settings_.keys_file; };
        parts.keys_changed = [this] { credentials_asked_.ring(); };
        parts.program = own_program();
        parts.place = own_place();
        parts.server = own_server();
        parts.source = source_;
        parts.source.file = absolute_text(source_.file);
        box_desk_ = std::make_unique<box_desk>(service_tasks_, clock_, std::move(parts));
    }
    return box_desk_.get();
}

core::result<std::string> daemon::page_link() {
    if (!page_.stocked()) {
        return core::make_failure(core::errc::refused, core::say("page.no-link/page"));
    }
    boost::asio::ip::tcp::endpoint at = door_.at;
    if (at.address().is_unspecified()) {
        at.address(at.address().is_v4() ? boost::asio::ip::address(boost::asio::ip::address_v4::loopback())
                                        : boost::asio::ip::address(boost::asio::ip::address_v6::loopback()));
    }
    const std::string url = url_of(at, credentials_->tls().has_value());
    if (credentials_->keys() != nullptr) {
        return url + "/ui";  // where one logs in with a key
    }
    config::session_seal* const sessions = sessions_of_browsers();
    if (!at.address().is_loopback() || sessions == nullptr) {
        return core::make_failure(core::errc::refused, core::say("page.no-link/server"));
    }
    const auto ticket = sessions->make_ticket(clock_.now());
    if (!ticket) {
        return ticket.error();
    }
    return url + std::string(api::ticket_way) + *ticket;
}

void daemon::stop_pulls(const char* what) {
    if (desk_ != nullptr) {
        desk_->stop_pulls(std::string("this server is being ") + what + "; ask again to resume the pull");
    }
}

// For requests from now on. Those under way keep what they began with, the keys included.
void daemon::renew_request_pipeline() {
    api::api_context context;
    context.generations = generations_.get();
    context.models = &fleet_.models();
    context.variants = fleet_.variants();
    context.box_name = settings_.box_name;
    context.own_packages = desk_of_packages();
    context.packages = settings_.pull.from_clients ? context.own_packages : nullptr;
    context.pull_owners = settings_.pull.owners;
    context.pulls_signed = settings_.import_requires_signature;
    context.page = page_.stocked() ? &page_ : nullptr;
    context.desk = desk_of_box();
    context.admission = &fleet_.admission();
    context.clock = &clock_;
    context.random = &random_;
    context.decoding = &decoding_;
    context.disk = &before_start_;
    context.loopback_only = door_.at.address().is_loopback();
    context.hosts = settings_.hosts;
    context.user_at = [users = local_users_, group = settings_.operators](int socket) {
        return users->at(socket, group);
    };
    context.keys = credentials_->keys();
    context.sessions = sessions_of_browsers();
    context.secure = credentials_->tls().has_value();
    context.closed = closed_for_clients();
    context.silence = settings_.silence;
    context.first_byte = settings_.first_byte;
    context.batch_keys = settings_.batch_keys;
    context.recognises_batch = settings_.recognises_batch;
    context.shows_stream_errors = settings_.shows_stream_errors;
    context.drained = [this] { return drained_; };
    context.metrics = [this] { return metrics_.page(); };
    context.warnings = [this] {
        std::vector<std::string> out = compute_.warnings();
        for (std::string& shortened : generations_->warnings()) {
            out.push_back(std::move(shortened));
        }
        for (const config::left_out_manifest& one : settings_.left_out) {
            const bool own = one.file.parent_path() == settings_.models_directory;
            const std::string file = one.file.filename().string();
            out.push_back(own ? core::say("model.left-out/manifest", file)
                              : core::say("model.left-out/model", file));
        }
        if (settings_.in_place) {
            out.push_back("the configuration has a mistake, so Corral serves " + settings_.in_place->served +
                          "; 'corral status' says more");
        }
        return out;
    };
    api::front_door door = api::make_front_door(context);
    const http::handler serve = [serve = std::move(door.serve), keys = credentials_](
                                    http::request& incoming, http::response_writer& out) {
        return serve_holding(keys, serve, incoming, out);
    };
    const http::head_judge judge = [judge = std::move(door.judge), keys = credentials_](http::request& head) {
        return judge(head);
    };
    server_->refuse_with(door.refuse);
    operator_server_->refuse_with(std::move(door.refuse));
    server_->serve_with(serve, judge);
    operator_server_->serve_with(
        [serve](http::request& incoming, http::response_writer& out) {
            return control::is_trusted(incoming.socket) ? serve(incoming, out) : refuse_stranger(out);
        },
        judge);
}

core::result<void> daemon::open_admin() {
    fleet_.listen_with({.on_deployed =
                            [this](auto& runtime) {
                                begin_watch(runtime);
                                await_new_cards();
                            },
                        .on_removed = [this](auto& runtime) { end_watch(runtime); }});
    reloader_ = std::make_unique<fleet::reloader>(
        loop_.get_executor(),
        fleet::reloadable{.settings = &settings_,
                          .credentials = &credentials_,
                          .models = &fleet_,
                          .generations = generations_.get(),
                          .server = server_.get(),
                          .door = door_,
                          .in_the_way = [this] { return why_not_reload(); },
                          .keep = [this](const std::string& text) { keep_last_good(text); },
                          .renew_pipeline = [this] { renew_request_pipeline(); }},
        strict(source_));
    admin_context_ = {.running = &fleet_,
                      .cards = &cards_,
                      .compute = &compute_,
                      .clock = &clock_,
                      .started = clock_.now(),
                      .boot = &boot_,
                      .devices = &devices_,
                      .reload = [this](bool allow_empty) { return reload_for_admin(allow_empty); },
                      .reloads = [this] { return reloader_->applied(); },
                      .forget_deadly_prompts = [this] { generations_->forget_deadly_prompts(); },
                      .upgrade = [this](std::string program) { return upgrade_to(std::move(program)); },
                      .upgrades = [this] { return upgrade_->report(); },
                      .closed = [this] { return closed_for_operators(); },
                      .kept = [this] { return credentials_->kept(); },
                      .lost_bundle = [this] { return black_box_ ? black_box_->lost() : std::string(); },
                      .drain = [this](bool is) { set_drained(is); },
                      .drained = [this] { return drained_; },
                      .settings = &settings_,
                      .settings_file = absolute_text(source_.file),
                      .url = [this] { return url_of(door_.at, credentials_->tls().has_value()); },
                      .page_link = [this] { return page_link(); }};
    if (!admin_file_) {
        return {};
    }
    auto opened = operator_server_->listen_at_unix(admin_file_->take());
    if (!opened) {
        admin_file_.reset();
        return go_without_socket(opened.error());
    }
    return opened;
}

// Nobody is answered there before open_admin().
core::result<void> daemon::open_admin_socket() {
    if (settings_.admin_socket.empty()) {
        return {};
    }
    auto made = control::socket_file::listen(settings_.admin_socket);
    if (!made) {
        return go_without_socket(made.error());
    }
    admin_file_.emplace(*std::move(made));
    return {};
}

core::result<void> daemon::go_without_socket(const core::failure& why) const {
    // Without a usual place the command line has no socket to ask; all else goes on.
    if (settings_.admin_socket_named || why.code == boost::system::errc::address_in_use) {
        return why;
    }
    telemetry::warn(core::say("command.socket-file/none", why));
    return {};
}

// Without it nobody could operate this box but by a restart, which costs its models. Its folder may come after our start.
core::awaitable<void> daemon::renew_admin_socket() {
    const auto place = [this] { return admin_file_ ? admin_file_->path() : settings_.admin_socket; };
    const std::filesystem::path path = place();
    if (path.empty() || signals_seen_ > 0) {
        co_return;
    }
    std::function<bool()> look = [path] { return control::socket_file::is_gone(path); };
    constexpr core::seconds most{2};
    const core::deadline until = core::deadline::after(most, clock_.now());
    auto looking = before_start_.run("admin socket", std::move(look), until);
    const core::result<bool> gone = co_await std::move(looking);
    if (!gone || !*gone || signals_seen_ > 0 || place() != path) {
        co_return;
    }
    auto made = control::socket_file::listen(path);
    if (!made) {
        telemetry::log().debug("the admin socket is still gone: {}", made.error().message);
        co_return;  // its folder may be gone too, and come back
    }
    if (const auto moved = operator_server_->listen_at_unix(made->take()); !moved) {
        telemetry::log().debug("the admin socket is still gone: {}", moved.error().message);
        co_return;  // with its file, so that the next look finds it gone
    }
    operator_server_->start();
    telemetry::log().info(
        "the admin socket {} {}", path.string(),
        admin_file_ ? "was deleted and is made again" : "could not be made at first, and is there now");
    if (admin_file_) {
        admin_file_->replace_with(*std::move(made));
    } else {
        admin_file_.emplace(*std::move(made));
    }
}

core::awaitable<void> daemon::watch_reload() {
    core::wake_reason why = core::wake_reason::rung;
    while (why != core::wake_reason::cancelled) {
        // One that is asked for while another goes on comes after it: the file may have changed since.
        core::deadline next;
        if (reload_wanted_ && upgrade_->under_way()) {
            // The next image reads it by itself; where there is none after all it is read then.
            next = core::deadline::after(look_for_upgrade, clock_.now());
        } else if (reload_wanted_) {
            reload_wanted_ = false;
            co_await reloader_->reload();
            continue;
        }
        why = co_await reload_asked_.wait(next);
    }
}

core::awaitable<control::admin_json> daemon::reload_for_admin(bool allow_empty) {
    if (credentials_->awaited().empty()) {  // else whoever waits for them reads them
        refresh_credentials(true);
    }
    const fleet::reload_report report = co_await reloader_->reload(allow_empty);
    control::admin_json out;
    out["ok"] = report.applied;
    if (!report.applied) {
        out["error"] = core::say("configuration.not-reloaded/nothing").text();
        out["errors"] = report.errors;
    }
    out["warnings"] = report.warnings;
    out["left_out"] = report.left_out;
    out["added"] = report.plan.added;
    out["removed"] = report.plan.removed;
    out["changed"] = report.plan.changed;
    out["unchanged"] = report.plan.unchanged;
    co_return out;
}

}  // namespace corral::daemon
