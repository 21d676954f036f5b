#include "corral/config/credential_files.hpp"

#include <utility>

#include "corral/config/configuration_access.hpp"
#include "corral/config/key_file.hpp"
#include "corral/core/say.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::config {

namespace {

using paths = std::vector<std::filesystem::path>;

void warn_of(const std::vector<core::reason>& warnings) {
    for (const core::reason& text : warnings) {
        telemetry::warn(text, "{}", telemetry::printable(text, 500));
    }
}

}  // namespace

credential_files::credential_files(const configuration& settings)
    : keys_file_(settings.keys_file),
      tls_files_(settings.tls),
      keys_watch_(keys_file_ ? paths{*keys_file_} : paths{}),
      tls_watch_(tls_files_ ? paths{tls_files_->certificate, tls_files_->key} : paths{}) {}

core::result<void> credential_files::load() {
    if (auto read = read_keys(); !read) {
        return read;
    }
    return read_tls();
}

void credential_files::load_or_wait() {
    const auto note = [](std::string& problem, const core::result<void>& read, const char* what) {
        std::string now = read ? std::string() : read.error().message.text();
        if (now != problem && !now.empty()) {
            const core::reason said =
                core::say("configuration.door-waits/waits", what, telemetry::printable(now, 500));
            telemetry::error(said, "{} event=door.waits", said);
        }
        problem = std::move(now);
    };
    if (waits_for_keys() || keys_.all().empty()) {
        note(keys_problem_, read_keys(), "the API keys");
    }
    if (!tls_) {
        note(tls_problem_, read_tls(), "the TLS certificate");
    }
}

std::vector<std::string> credential_files::awaited() const {
    std::vector<std::string> out;
    for (const std::string* const each : {&keys_problem_, &tls_problem_}) {
        if (!each->empty()) {
            out.push_back(*each);
        }
    }
    return out;
}

std::vector<std::string> credential_files::kept() const {
    std::vector<std::string> out;
    for (const core::reason* const each : {&keys_kept_, &tls_kept_, &tls_old_}) {
        if (!each->empty()) {
            out.push_back(each->text());
        }
    }
    return out;
}

bool credential_files::readable(const configuration& settings) {
    return (!settings.keys_file || read_key_file(*settings.keys_file).value) &&
           (!settings.tls || http::tls_credentials::load(*settings.tls));
}

core::result<void> credential_files::read_keys() {
    if (!keys_file_) {
        return {};
    }
    key_file_reading read = read_key_file(*keys_file_);
    if (!read.value) {
        return core::make_failure(
            core::errc::invalid,
            with_way_in(core::reason::unlisted(catalog::to_text(read.errors.front())), {*keys_file_}));
    }
    keys_ = *std::move(read.value);
    warn_of(read.warnings);
    telemetry::log().info("API keys: {} in {} event=keys.read", keys_.all().size(), keys_file_->string());
    return {};
}

core::result<void> credential_files::read_tls() {
    if (!tls_files_) {
        return {};
    }
    auto read = http::tls_credentials::load(*tls_files_);
    if (!read) {
        core::failure why = read.error();
        why.message = with_way_in(std::move(why.message), {tls_files_->certificate, tls_files_->key});
        return why;
    }
    tls_ = *std::move(read);
    warn_of(tls_->warnings());
    telemetry::log().info("TLS certificate: {}", telemetry::printable(tls_->description()));
    return {};
}

bool credential_files::refresh(bool asked, std::time_t now) {
    if (asked && !keys_file_ && !tls_files_) {
        telemetry::log().info("there are no keys and no certificate to read again");
    }
    if (keys_watch_.changed() || asked) {
        keys_kept_ = core::reason();
        if (const auto read = read_keys(); !read) {
            keys_kept_ =
                core::say("configuration.keys-kept", telemetry::printable(read.error().message, 500));
            telemetry::error(keys_kept_, "{} event=keys.kept", keys_kept_);
        }
    }
    const bool is_new = refresh_tls(asked);
    core::reason old = tls_ ? tls_->out_of_date(now) : core::reason();
    if (old != tls_old_ && !old.empty() && !is_new) {  // of a new one its warnings have told it
        warn_of({old});
    }
    tls_old_ = std::move(old);
    return is_new;
}

bool credential_files::refresh_tls(bool asked) {
    if (!(tls_watch_.changed() || asked) || !tls_files_) {
        return false;
    }
    tls_kept_ = core::reason();
    if (const auto read = read_tls(); !read) {
        tls_kept_ =
            core::say("configuration.certificate-kept", telemetry::printable(read.error().message, 500));
        telemetry::error(tls_kept_, "{} event=certificate.kept", tls_kept_);
        return false;
    }
    return true;
}

}  // namespace corral::config
