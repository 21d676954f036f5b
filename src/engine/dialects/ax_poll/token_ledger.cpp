#include "engine/dialects/ax_poll/token_ledger.hpp"

#include <algorithm>

namespace corral::engine::ax_poll {

void token_ledger::begin(std::optional<std::uint32_t> limit) {
    limit_ = limit;
    pieces_.clear();
    last_whole_.reset();
    longest_piece_ = 0;
    calls_ = 0;
}

token_ledger::call_kind token_ledger::on_decode(const token_ids& ids, token_ids& wanted) {
    wanted.clear();
    ++calls_;
    if (last_whole_) {
        // It was followed by another call, so it was a piece after all.
        pieces_.insert(pieces_.end(), last_whole_->begin(), last_whole_->end());
        last_whole_.reset();
    }
    const std::size_t before = pieces_.size();
    const std::size_t room = limit_ ? std::max<std::size_t>(*limit_, before) - before : ids.size();
    const auto take = static_cast<std::ptrdiff_t>(std::min(room, ids.size()));
    if (!pieces_.empty() && ids.size() >= before && std::equal(pieces_.begin(), pieces_.end(), ids.begin())) {
        last_whole_ = ids;
        if (ids.size() > longest_piece_) {
            return call_kind::final;
        }
        wanted.assign(ids.begin(), ids.begin() + take);
        return call_kind::perhaps_final;
    }
    wanted.assign(ids.begin(), ids.begin() + take);
    pieces_.insert(pieces_.end(), ids.begin(), ids.end());
    longest_piece_ = std::max(longest_piece_, ids.size());
    return call_kind::piece;
}

std::uint32_t token_ledger::made() const noexcept {
    const std::size_t whole = last_whole_ ? last_whole_->size() : pieces_.size();
    return static_cast<std::uint32_t>(whole);
}

std::uint32_t token_ledger::count() const noexcept {
    return limit_ ? std::min(made(), *limit_) : made();
}

token_ids token_ledger::tail() const {
    if (!last_whole_) {
        return {};
    }
    const std::size_t from = pieces_.size();
    const std::size_t to = limit_ ? std::min<std::size_t>(last_whole_->size(), *limit_) : last_whole_->size();
    if (to <= from) {
        return {};
    }
    return {last_whole_->begin() + static_cast<std::ptrdiff_t>(from),
            last_whole_->begin() + static_cast<std::ptrdiff_t>(to)};
}

}  // namespace corral::engine::ax_poll
