// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {Token} from "./Token.sol";

/// A token that fails in every way that tokens in use are known to fail. Anybody may set its mood.
contract MoodyToken is Token {
    enum Mood { Fine, ReturnsFalse, RevertsWithReason, Panics, RevertsWithError, RevertsSilently }
    Mood public mood;

    /// @param account who may not
    error Frozen(address account, string reason);

    constructor(uint256 supply) Token("Moody", "MOOD", 6, supply) {}

    function setMood(Mood wanted) external {
        mood = wanted;
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        return agrees() && super.transfer(to, value);
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        return agrees() && super.transferFrom(from, to, value);
    }

    function approve(address spender, uint256 value) public override returns (bool) {
        return agrees() && super.approve(spender, value);
    }

    /// For contract calls, which name their errors themselves.
    function poke(uint256 many) external returns (uint256) {
        agrees();
        return many;
    }

    function agrees() private returns (bool) {
        if (mood == Mood.RevertsWithReason) revert("Moody: not today");
        if (mood == Mood.Panics) totalPokes -= 1;
        if (mood == Mood.RevertsWithError) revert Frozen(msg.sender, "under review");
        if (mood == Mood.RevertsSilently) assembly { revert(0, 0) }
        return mood != Mood.ReturnsFalse;
    }

    /// Always zero: to take one away panics.
    uint256 private totalPokes;
}
