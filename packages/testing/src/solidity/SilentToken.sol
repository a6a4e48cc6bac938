// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// A token from before EIP-20 was final, as some of the largest are: its transfers return nothing.
contract SilentToken {
    string public constant symbol = "SILENT";
    uint8 public constant decimals = 6;
    mapping(address => uint256) public balanceOf;

    event Transfer(address indexed from, address indexed to, uint256 value);

    constructor(uint256 supply) {
        balanceOf[msg.sender] = supply;
        emit Transfer(address(0), msg.sender, supply);
    }

    function transfer(address to, uint256 value) external {
        require(balanceOf[msg.sender] >= value, "SilentToken: balance");
        balanceOf[msg.sender] -= value;
        balanceOf[to] += value;
        emit Transfer(msg.sender, to, value);
    }
}
