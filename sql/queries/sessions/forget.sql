DELETE FROM sessions WHERE id = :id AND status = 'offline';
