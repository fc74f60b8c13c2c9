mod check;
mod families;
